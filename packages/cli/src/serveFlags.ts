import { ConfigError } from '@cadenza/core';
import { InvalidArgumentError, type Command } from 'commander';

/** Where a server listens, and whom browsers may let ask it. */
export interface ServeFlags {
  host: string;
  /** 0 is any that is free. */
  port: number;
  /** The origin of pages that may ask, or `*`. */
  cors?: string;
}

/** The flags of every `serve`. */
export function addServeFlags(verb: Command): void {
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
