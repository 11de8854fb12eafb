import { readFileSync } from 'node:fs';
import { addDataVerbs, createProgram, runProgram } from '@cadenza/cli';
import { addChatVerb } from './commands/chat.js';
import { addEvaluateVerb } from './commands/evaluate.js';
import { addExportVerb } from './commands/export.js';
import { addGenerateVerb } from './commands/generate.js';
import { addInspectVerb } from './commands/inspect.js';
import { addScoreVerb } from './commands/score.js';
import { addServeVerb } from './commands/serve.js';
import { addTrainVerb } from './commands/train.js';
import { commandName, dataSets } from './dataSets.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Runs `cadenza-text` with these arguments and sets the process's exit code. */
export async function main(args: readonly string[]): Promise<void> {
  const program = createProgram({
    name: commandName,
    description: 'Train a recurrent network on a text, character by character, and let it write.',
    version,
  });
  addDataVerbs(program, dataSets);
  addTrainVerb(program);
  addEvaluateVerb(program);
  addGenerateVerb(program);
  addScoreVerb(program);
  addChatVerb(program);
  addServeVerb(program);
  addInspectVerb(program);
  addExportVerb(program);
  await runProgram(program, args);
}
