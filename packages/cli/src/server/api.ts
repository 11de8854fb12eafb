import { ConfigError, InputError } from '@cadenza/core';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { messageOf } from '../exitCodes.js';
import type { Output } from '../output.js';
import { mayAsk } from './access.js';
import { TOO_LARGE, TOO_LATE } from './body.js';
import { BusyError } from './busyError.js';
import { servingOf } from './serving.js';

export interface ApiOptions {
  /** What `GET /health` tells besides the status: the run, the backend. */
  about: Record<string, unknown>;
  /** Told of each request, and of what went wrong. */
  output: Pick<Output, 'say' | 'warn'>;
  /** The origin of pages that may ask, or `*`; none when absent. */
  origin?: string;
}

/** The statuses of refused requests. */
const statuses = {
  wrong: 400,
  forbidden: 403,
  unknown: 404,
  wrongMethod: 405,
  tooLate: 408,
  tooLarge: 413,
  failed: 500,
  busy: 503,
} as const;

/**
 * An HTTP interface with what every one has: `GET /health`, a line for each request, errors as `{"error": "..."}` with a status that
 * tells a wrong request (4xx) from failed work (500) and from a server that is busy (503).
 */
export function createApi({ about, output, origin }: ApiOptions): Hono {
  const api = new Hono();
  api.use(lineOfEach(output));
  api.use(refuseForeign(origin));
  if (origin !== undefined) api.use(cors({ origin }));
  api.get('/health', (context) => context.json({ status: 'ok', ...about }));
  api.notFound((context) => answerUnknown(context, api.routes));
  api.onError((error, context) => answerError(context, error, output));
  return api;
}

/** Says a line of each request, and notes what is still being written of its answer. */
function lineOfEach(output: Pick<Output, 'say'>): MiddlewareHandler {
  return async (context, next) => {
    const started = performance.now();
    const { method, url, raw } = context.req;
    context.header('X-Content-Type-Options', 'nosniff'); // an answer has what was asked in it, and is no page
    try {
      await next();
    } finally {
      const writing = context.get('writing');
      if (writing) servingOf(context).writing?.(writing);
      const end = raw.signal.aborted ? 'given up' : context.res.status;
      // The path as it was sent: decoded, it may steer a terminal.
      output.say(`${method} ${new URL(url).pathname} ${end}, ${(performance.now() - started).toFixed(0)} ms`);
    }
  };
}

/** Refuses requests by a name that is not the server's, and those for pages that may not ask. */
function refuseForeign(origin: string | undefined): MiddlewareHandler {
  return async (context, next) => {
    const { url, raw } = context.req;
    const { hostname } = new URL(url);
    if (servingOf(context).knowsHost?.(hostname) === false) {
      const error = `Expected Host to be localhost, a loopback address or --host, got ${hostname}`;
      return context.json({ error }, statuses.forbidden);
    }
    if (mayAsk(raw, origin)) return next();
    const error = `Expected a page of this server or of the origin that --cors allows, got ${raw.headers.get('origin')}`;
    return context.json({ error }, statuses.forbidden);
  };
}

/** Answers what no route does: with the methods of its path, or else with all that there is. */
function answerUnknown(context: Context, routes: Hono['routes']): Response {
  const { method, path } = context.req;
  const known = [...new Set(routes.filter(isOfOneMethod).map((route) => `${route.method} ${route.path}`))];
  const here = known.filter((route) => route.endsWith(` ${path}`));
  const error = `Expected ${oneOf(here.length > 0 ? here : known)}, got ${method} ${path}`;
  if (here.length === 0) return context.json({ error }, statuses.unknown);
  const methods = here.map((route) => route.split(' ')[0]);
  context.header('Allow', methods.map((name) => (name === 'GET' ? 'GET, HEAD' : name)).join(', '));
  return context.json({ error }, statuses.wrongMethod);
}

/** Answers what was thrown; of failed work, unless nobody waits for it, a warning is given too. */
function answerError(context: Context, error: Error, output: Pick<Output, 'warn'>): Response {
  const status = statusOf(error);
  const { method, path, raw } = context.req;
  const message = shortened(messageOf(error));
  if (status === statuses.failed && !raw.signal.aborted) output.warn(`error: ${method} ${path}: ${message}`);
  if (status === statuses.busy) context.header('Retry-After', '1');
  return context.json({ error: message }, status);
}

const isOfOneMethod = ({ method }: { method: string }): boolean => method !== 'ALL';

const oneOf = (routes: readonly string[]): string => (routes.length > 1 ? 'one of ' : '') + routes.join(', ');

/** A line as long as one can be read; what was got may stand in it whole. */
function shortened(line: string, most = 1000): string {
  return line.length <= most ? line : `${line.slice(0, most)}...`;
}

function statusOf(error: Error): 400 | 408 | 413 | 500 | 503 {
  if (error instanceof BusyError) return statuses.busy;
  if (error instanceof InputError && error.code === TOO_LARGE) return statuses.tooLarge;
  if (error instanceof InputError && error.code === TOO_LATE) return statuses.tooLate;
  return error instanceof InputError || error instanceof ConfigError ? statuses.wrong : statuses.failed;
}
