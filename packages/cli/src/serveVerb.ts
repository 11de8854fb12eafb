import { ConfigError } from '@cadenza/core';
import { InvalidArgumentError, type Command } from 'commander';
import type { Hono } from 'hono';
import type { StartedBackend } from './backend.js';
import { addVerb, type CommonOptions } from './command.js';
import type { Output } from './output.js';
import type { ApiOptions } from './server/api.js';

/** Where a server listens, and whom browsers may let ask it. */
export interface ServeFlags {
  host: string;
  /** 0 is any that is free. */
  port: number;
  /** The origin of pages that may ask, or `*`. */
  cors?: string;
}

/** What answers: a model, opened. */
export interface ServedModel {
  /** What `GET /health` tells besides the backend. */
  about: Record<string, unknown>;
  backend: Pick<StartedBackend, 'name' | 'precision'>;
  api: (options: ApiOptions) => Hono;
  dispose: () => void;
}

export interface ServeVerb<Options extends ServeFlags & CommonOptions> {
  description: string;
  /** Adds the flags that say which model. */
  configure: (verb: Command) => void;
  open: (flags: Options, output: Output) => Promise<ServedModel>;
}

/** Adds `serve`: a model over HTTP until Ctrl-C. */
export function addServe<Options extends ServeFlags & CommonOptions>(
  program: Command,
  { description, configure, open }: ServeVerb<Options>,
): void {
  addVerb<Options>(
    program,
    'serve',
    description,
    async (flags, context) => {
      const { output } = context;
      if (flags.cors !== undefined) checkOrigin(flags.cors);
      const { about, backend, api, dispose } = await open(flags, output);
      let working = false;
      try {
        const { serveUntilStopped } = await import('./server/serve.js'); // no other verb needs it
        const told = { ...about, backend: backend.name, precision: backend.precision };
        const ended = await serveUntilStopped(api({ about: told, output, origin: flags.cors }), flags, context);
        working = ended.working;
        output.object({ requests: ended.requests });
      } finally {
        if (!working) dispose();
      }
    },
    (verb) => {
      configure(verb);
      addServeFlags(verb);
    },
  );
}

function addServeFlags(verb: Command): void {
  verb
    .optionsGroup('Server:')
    .option('--host <address>', 'to listen at; 0.0.0.0 is every one of the machine', '127.0.0.1')
    .option('--port <number>', 'to listen at; 0 is any that is free', portNumber, 8080)
    .option('--cors <origin>', 'pages of this origin may ask, * is any (default: none)');
}

function portNumber(text: string): number {
  const port = Number(text);
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError(`Expected a port from 0 to 65535, got ${text}.`);
}

/** @throws {ConfigError} for what is no origin */
export function checkOrigin(origin: string): void {
  if (origin === '*') return;
  if (URL.canParse(origin) && new URL(origin).origin === origin) return;
  throw new ConfigError(`Expected --cors to be an origin such as https://example.org, or *, got ${origin}`);
}
