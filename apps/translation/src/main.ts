import { readFileSync } from 'node:fs';
import { addDataVerbs, createProgram, runProgram } from '@cadenza/cli';
import { addAverageVerb } from './commands/average.js';
import { addCompareVerb } from './commands/compare.js';
import { addEvaluateVerb } from './commands/evaluate.js';
import { addInspectVerb } from './commands/inspect.js';
import { addScoreVerb } from './commands/score.js';
import { addServeVerb } from './commands/serve.js';
import { addTrainVerb } from './commands/train.js';
import { addTranslateVerb } from './commands/translate.js';
import { commandName, dataSets } from './dataSets.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Runs `cadenza-translate` with these arguments and sets the process's exit code. */
export async function main(args: readonly string[]): Promise<void> {
  const program = createProgram({
    name: commandName,
    description: 'Train a recurrent network with attention on pairs of sentences, and let it translate.',
    version,
  });
  addDataVerbs(program, dataSets);
  addTrainVerb(program);
  addEvaluateVerb(program);
  addTranslateVerb(program);
  addServeVerb(program);
  addScoreVerb(program);
  addCompareVerb(program);
  addAverageVerb(program);
  addInspectVerb(program);
  await runProgram(program, args);
}
