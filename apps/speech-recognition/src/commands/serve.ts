import { basename } from 'node:path';
import { addServe, choice, type CommonOptions, type Output, type ServedModel, type ServeFlags } from '@cadenza/cli';
import type { Command } from 'commander';
import { Recognizer } from '../recognizer.js';
import { startBackend } from './backend.js';
import { openRuns, severalRuns } from './openRuns.js';

interface ServeOptions extends ServeFlags, CommonOptions {
  run: string;
  checkpoint: 'best' | 'latest';
}

export function addServeVerb(program: Command): void {
  addServe<ServeOptions>(program, {
    description: 'write down speech for other programs, over HTTP',
    configure: (verb) =>
      void verb
        .requiredOption('--run <folder>', severalRuns)
        .addOption(choice('--checkpoint <name>', 'of the run', ['best', 'latest']).default('best')),
    open,
  });
}

async function open(flags: ServeOptions, output: Output): Promise<ServedModel> {
  const runs = openRuns(flags, output);
  const [first, ...others] = runs;
  const backend = await startBackend(flags, output, first.config);
  const { speechApi } = await import('../server.js');
  const recognizer = new Recognizer(first, others);
  return {
    ...{ about: { run: runs.map(({ directory }) => basename(directory)) }, backend },
    api: (options) => speechApi(recognizer, options),
    dispose: () => recognizer.dispose(),
  };
}
