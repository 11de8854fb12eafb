import { readFileSync } from 'node:fs';
import { addDataVerbs, createProgram, runProgram } from '@cadenza/cli';
import { addEvaluateVerb } from './commands/evaluate.js';
import { addInspectVerb } from './commands/inspect.js';
import { addServeVerb } from './commands/serve.js';
import { addTrainVerb } from './commands/train.js';
import { addTranscribeVerb } from './commands/transcribe.js';
import { commandName, dataSets } from './dataSets.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Runs `cadenza-speech` with these arguments and sets the process's exit code. */
export async function main(args: readonly string[]): Promise<void> {
  const program = createProgram({
    name: commandName,
    description: 'Train a recurrent network on recordings of speech, and let it write down what it hears.',
    version,
  });
  addDataVerbs(program, dataSets);
  addTrainVerb(program);
  addEvaluateVerb(program);
  addTranscribeVerb(program);
  addServeVerb(program);
  addInspectVerb(program);
  await runProgram(program, args);
}
