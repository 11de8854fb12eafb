import { basename } from 'node:path';
import { addServe, type CommonOptions, type Output, type ServedModel, type ServeFlags } from '@cadenza/cli';
import type { Command } from 'commander';
import { openRun } from '../run.js';
import { TextGenerator } from '../textGenerator.js';
import { startBackend } from './backend.js';
import { checkpointOption, sayWeights, weightsOption, type WritingOptions } from './runOptions.js';

interface ServeOptions extends Omit<WritingOptions, 'unknown'>, ServeFlags, CommonOptions {}

export function addServeVerb(program: Command): void {
  addServe<ServeOptions>(program, {
    description: 'write and score text for other programs, over HTTP',
    configure: (verb) =>
      void verb
        .requiredOption('--run <folder>', 'the run of the model')
        .addOption(weightsOption('of the weights while writing: f32, or faster and rounded bf16 or int8'))
        .addOption(checkpointOption()),
    open,
  });
}

async function open(flags: ServeOptions, output: Output): Promise<ServedModel> {
  const run = openRun(flags.run, flags);
  const backend = await startBackend(flags, output, run.config);
  const { textApi } = await import('../server.js');
  const generator = TextGenerator.of(run, flags.weights);
  output.say(`${run.directory}, step ${run.step}`);
  sayWeights(generator, backend, output);
  return {
    ...{ about: { run: basename(run.directory), step: run.step, weights: generator.weights }, backend },
    api: (options) => textApi(generator, options),
    dispose: () => generator.dispose(),
  };
}
