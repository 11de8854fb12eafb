import { basename } from 'node:path';
import { addServe, type CommonOptions, type Output, type ServedModel, type ServeFlags } from '@cadenza/cli';
import type { Command } from 'commander';
import { Translator } from '../translator.js';
import { startBackend } from './backend.js';
import { addRunFlags, openRuns, type RunOptions } from './runOptions.js';

interface ServeOptions extends RunOptions, ServeFlags, CommonOptions {}

export function addServeVerb(program: Command): void {
  addServe<ServeOptions>(program, {
    description: 'translate for other programs, over HTTP',
    configure: addRunFlags,
    open,
  });
}

async function open(flags: ServeOptions, output: Output): Promise<ServedModel> {
  const runs = openRuns(flags, output);
  const backend = await startBackend(flags, output, runs[0].config);
  const { translationApi } = await import('../server.js');
  const translator = Translator.of(runs);
  return {
    ...{ about: { run: runs.map(({ directory }) => basename(directory)) }, backend },
    api: (options) => translationApi(translator, options),
    dispose: () => translator.dispose(),
  };
}
