import { basename } from 'node:path';
import {
  addServeFlags,
  addVerb,
  checkOrigin,
  type ActionContext,
  type CommonOptions,
  type ServeFlags,
} from '@cadenza/cli';
import type { Command } from 'commander';
import { openRun } from '../run.js';
import { TextGenerator } from '../textGenerator.js';
import { startBackend } from './backend.js';
import { checkpointOption, sayWeights, weightsOption, type WritingOptions } from './runOptions.js';

interface ServeOptions extends Omit<WritingOptions, 'unknown'>, ServeFlags, CommonOptions {}

export function addServeVerb(program: Command): void {
  addVerb<ServeOptions>(
    program,
    'serve',
    'write and score text for other programs, over HTTP',
    serveCommand,
    (verb) => {
      verb
        .requiredOption('--run <folder>', 'the run of the model')
        .addOption(weightsOption('of the weights while writing: f32, or faster and rounded bf16 or int8'))
        .addOption(checkpointOption());
      addServeFlags(verb);
    },
  );
}

async function serveCommand(flags: ServeOptions, context: ActionContext): Promise<void> {
  const { output } = context;
  const { cors: origin } = flags;
  if (origin !== undefined) checkOrigin(origin);
  const run = openRun(flags.run, flags);
  const backend = await startBackend(flags, output, run.config);
  const [{ serveUntilStopped }, { textApi }] = await Promise.all([
    import('@cadenza/cli/server'),
    import('../server.js'),
  ]);
  const generator = TextGenerator.of(run, flags.weights);
  output.say(`${run.directory}, step ${run.step}`);
  sayWeights(generator, backend, output);
  const { name, precision } = backend;
  const about = { run: basename(run.directory), step: run.step, weights: generator.weights, backend: name, precision };
  try {
    output.object(await serveUntilStopped(textApi(generator, { about, output, origin }), flags, context));
  } finally {
    generator.dispose();
  }
}
