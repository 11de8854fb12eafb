import { basename } from 'node:path';
import {
  addServeFlags,
  addVerb,
  checkOrigin,
  choice,
  type ActionContext,
  type CommonOptions,
  type ServeFlags,
} from '@cadenza/cli';
import type { Command } from 'commander';
import { Recognizer } from '../recognizer.js';
import { startBackend } from './backend.js';
import { openRuns, severalRuns } from './openRuns.js';

interface ServeOptions extends ServeFlags, CommonOptions {
  run: string;
  checkpoint: 'best' | 'latest';
}

export function addServeVerb(program: Command): void {
  addVerb<ServeOptions>(program, 'serve', 'write down speech for other programs, over HTTP', serveCommand, (verb) => {
    verb
      .requiredOption('--run <folder>', severalRuns)
      .addOption(choice('--checkpoint <name>', 'of the run', ['best', 'latest']).default('best'));
    addServeFlags(verb);
  });
}

async function serveCommand(flags: ServeOptions, context: ActionContext): Promise<void> {
  const { output } = context;
  const { cors: origin } = flags;
  if (origin !== undefined) checkOrigin(origin);
  const runs = openRuns(flags, output);
  const [first, ...others] = runs;
  const { name, precision } = await startBackend(flags, output, first.config);
  const [{ serveUntilStopped }, { speechApi }] = await Promise.all([
    import('@cadenza/cli/server'),
    import('../server.js'),
  ]);
  const recognizer = new Recognizer(first, others);
  const about = { run: runs.map(({ directory }) => basename(directory)), backend: name, precision };
  try {
    output.object(await serveUntilStopped(speechApi(recognizer, { about, output, origin }), flags, context));
  } finally {
    recognizer.dispose();
  }
}
