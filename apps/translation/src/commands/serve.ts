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
import { Translator } from '../translator.js';
import { startBackend } from './backend.js';
import { addRunFlags, openRuns, type RunOptions } from './runOptions.js';

interface ServeOptions extends RunOptions, ServeFlags, CommonOptions {}

export function addServeVerb(program: Command): void {
  addVerb<ServeOptions>(program, 'serve', 'translate for other programs, over HTTP', serveCommand, (verb) => {
    addRunFlags(verb);
    addServeFlags(verb);
  });
}

async function serveCommand(flags: ServeOptions, context: ActionContext): Promise<void> {
  const { output } = context;
  const { cors: origin } = flags;
  if (origin !== undefined) checkOrigin(origin);
  const runs = openRuns(flags, output);
  const { name, precision } = await startBackend(flags, output, runs[0].config);
  const [{ serveUntilStopped }, { translationApi }] = await Promise.all([
    import('@cadenza/cli/server'),
    import('../server.js'),
  ]);
  const translator = Translator.of(runs);
  const about = { run: runs.map(({ directory }) => basename(directory)), backend: name, precision };
  try {
    output.object(await serveUntilStopped(translationApi(translator, { about, output, origin }), flags, context));
  } finally {
    translator.dispose();
  }
}
