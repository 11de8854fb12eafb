import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '@cadenza/core';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import type { ActionContext } from '../command.js';
import type { ServeFlags } from '../serveVerb.js';
import { hostCheck } from './access.js';
import type { Serving } from './serving.js';

/** How long requests may go on once the server is to stop. */
const GRACE_SECONDS = 10;

/** How long work may take to notice that nobody waits for it any more. */
const LEAVE_SECONDS = 2;

/** Who has vanished is noticed, also where nothing is sent for long. */
const serverOptions = { keepAlive: true, keepAliveInitialDelay: 60_000 };

const listenErrors: Record<string, string> = {
  EADDRINUSE: 'Expected --port to be free, got one that another program listens at',
  EACCES: 'Expected permission to listen at --port, got none',
  EADDRNOTAVAIL: 'Expected --host to be an address of this machine, got another',
  ENOTFOUND: 'Expected --host to be an address of this machine, got an unknown name',
};

/**
 * Serves until the signal is aborted. What is being answered then is finished, for some seconds, and then cut off: a stream without
 * the end of its encoding, so that its client can see it. Nothing new is taken.
 *
 * @returns how many requests came, and whether work goes on that was cut off, and has not noticed
 * @throws {ConfigError} where it cannot listen
 */
export async function serveUntilStopped(
  api: Hono,
  { host, port }: Pick<ServeFlags, 'host' | 'port'>,
  { output, signal }: ActionContext,
): Promise<{ requests: number; working: boolean }> {
  const answering = new Unfinished();
  const serving: Serving = { knowsHost: () => false, writing: (work) => answering.add(work) };
  const answer = (request: Request): ReturnType<typeof api.fetch> => {
    const response = api.fetch(request, serving);
    answering.add(Promise.resolve(response));
    return response;
  };
  // Nothing here asks for the name that a request without one is given.
  const server = createAdaptorServer({ fetch: answer, hostname: 'localhost', serverOptions }) as Server;
  server.requestTimeout = 0; // a microphone may send for hours
  let requests = 0;
  server.on('request', () => void requests++);
  const close = closing(server);
  await listen(server, host, port);
  const { address, family, port: actual } = server.address() as AddressInfo;
  serving.knowsHost = hostCheck({ host, address });
  const name = family === 'IPv6' ? `[${address}]` : address;
  output.say(`listening at http://${name}:${actual}; Ctrl-C stops`);
  if (!signal.aborted) await once(signal, 'abort');
  await close();
  // The model is freed next, unless who was cut off still uses it.
  return { requests, working: await answering.goesOnAfter(LEAVE_SECONDS) };
}

/** Work that has not ended yet. */
class Unfinished {
  private readonly works = new Set<Promise<unknown>>();

  add(work: Promise<unknown>): void {
    this.works.add(work);
    const done = (): void => void this.works.delete(work);
    work.then(done, done);
  }

  /** Waits for all of it, for so many seconds at most; gives whether some goes on. */
  async goesOnAfter(seconds: number): Promise<boolean> {
    const ended = new AbortController();
    const late = sleep(1000 * seconds, undefined, { signal: ended.signal }).catch(() => {});
    await Promise.race([Promise.allSettled(this.works), late]);
    ended.abort();
    return this.works.size > 0;
  }
}

/** What closes a server that does not listen yet: nothing new is taken from then on, what is being answered cut off after some seconds. */
function closing(server: Server): () => Promise<void> {
  const silent = new Set<Socket>(); // connections that have asked nothing, as browsers open them ahead
  let begun = false;
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.on('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    silent.delete(socket);
    // A connection that has been answered would be kept for more.
    response.on('close', () => void (begun && server.closeIdleConnections()));
  });
  return async () => {
    begun = true;
    const closed = once(server, 'close');
    server.close();
    for (const socket of silent) socket.destroy();
    const timer = setTimeout(() => server.closeAllConnections(), 1000 * GRACE_SECONDS);
    await closed;
    clearTimeout(timer);
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const message = listenErrors[(cause as NodeJS.ErrnoException).code ?? ''];
    throw message === undefined ? cause : new ConfigError(`${message}: ${host}:${port}`, { cause });
  }
}
