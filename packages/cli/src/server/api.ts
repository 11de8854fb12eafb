import { ConfigError, InputError } from '@cadenza/core';
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import type { z } from 'zod';
import { describeIssue } from '../configurationErrors.js';
import { messageOf } from '../exitCodes.js';
import type { Output } from '../output.js';
import { isObject } from '../values.js';
import { mayAsk } from './access.js';
import { BusyError } from './busyError.js';
import { servingOf } from './serving.js';
import type { Holding } from './sharedMemory.js';

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
  api.use(async (context, next) => {
    const started = performance.now();
    const { method, url, raw } = context.req;
    context.header('X-Content-Type-Options', 'nosniff'); // an answer has what was asked in it, and is no page
    try {
      await next();
    } finally {
      const end = raw.signal.aborted ? 'given up' : context.res.status;
      // The path as it was sent: decoded, it may steer a terminal.
      output.say(`${method} ${new URL(url).pathname} ${end}, ${(performance.now() - started).toFixed(0)} ms`);
    }
  });
  api.use(async (context, next) => {
    const { url, raw } = context.req;
    const { hostname } = new URL(url);
    if (servingOf(context).knowsHost?.(hostname) === false) {
      const error = `Expected Host to be localhost, a loopback address or --host, got ${hostname}`;
      return context.json({ error }, statuses.forbidden);
    }
    if (mayAsk(raw, origin)) return next();
    const error = `Expected a page of this server or of the origin that --cors allows, got ${raw.headers.get('origin')}`;
    return context.json({ error }, statuses.forbidden);
  });
  if (origin !== undefined) api.use(cors({ origin }));
  api.get('/health', (context) => context.json({ status: 'ok', ...about }));
  api.notFound((context) => {
    const { method, path } = context.req;
    const known = [...new Set(api.routes.filter(isOfOneMethod).map((route) => `${route.method} ${route.path}`))];
    const here = known.filter((route) => route.endsWith(` ${path}`));
    const error = `Expected ${oneOf(here.length > 0 ? here : known)}, got ${method} ${path}`;
    if (here.length === 0) return context.json({ error }, statuses.unknown);
    const methods = here.map((route) => route.split(' ')[0]);
    context.header('Allow', methods.map((name) => (name === 'GET' ? 'GET, HEAD' : name)).join(', '));
    return context.json({ error }, statuses.wrongMethod);
  });
  api.onError((error, context) => {
    const status = statusOf(error);
    const { method, path } = context.req;
    if (status === statuses.failed && !context.req.raw.signal.aborted)
      output.warn(`error: ${method} ${path}: ${messageOf(error)}`);
    if (status === statuses.busy) context.header('Retry-After', '1');
    return context.json({ error: messageOf(error) }, status);
  });
  return api;
}

const isOfOneMethod = ({ method }: { method: string }): boolean => method !== 'ALL';

const oneOf = (routes: readonly string[]): string => (routes.length > 1 ? 'one of ' : '') + routes.join(', ');

/** The code of an error about a body that is too long. */
const TOO_LARGE = 'TOO_LARGE';

function statusOf(error: Error): 400 | 413 | 500 | 503 {
  if (error instanceof BusyError) return statuses.busy;
  if (error instanceof InputError && error.code === TOO_LARGE) return statuses.tooLarge;
  return error instanceof InputError || error instanceof ConfigError ? statuses.wrong : statuses.failed;
}

/** Refuses a body of more bytes. */
export function limitBody(maximumBytes: number) {
  return bodyLimit({
    maxSize: maximumBytes,
    onError: (context) => context.json({ error: tooLarge(maximumBytes) }, statuses.tooLarge),
  });
}

const tooLarge = (maximumBytes: number): string => `Expected a body of at most ${maximumBytes} bytes, got more`;

/**
 * The body's bytes, which are held as they come.
 *
 * @throws {InputError} for a body of more bytes than the maximum, which is answered 413
 * @throws {BusyError} where other requests hold too much beside it
 */
export async function readBytes(
  { req }: Context,
  { maximumBytes, holding }: { maximumBytes: number; holding: Holding },
): Promise<Uint8Array<ArrayBuffer>> {
  const refuse = (): never => {
    throw new InputError(tooLarge(maximumBytes), { code: TOO_LARGE });
  };
  if (Number(req.header('content-length')) > maximumBytes) refuse();
  const pieces: Uint8Array[] = [];
  let size = 0;
  // A refusal does not cancel the stream: who still sends would not get the answer.
  for await (const piece of req.raw.body?.values({ preventCancel: true }) ?? []) {
    size += piece.length;
    if (size > maximumBytes) refuse();
    holding.hold(size);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

/** The body's JSON object, as its schema has it. @throws {InputError} that says what is wrong with it and where */
export async function readBody<Schema extends z.ZodType>(context: Context, schema: Schema): Promise<z.output<Schema>> {
  return checked(parseBody(await context.req.arrayBuffer()), schema);
}

/** The query's parameters, as their schema has them: texts, or lists of them where one stands there again. @throws {InputError} */
export function readQuery<Schema extends z.ZodType>(context: Context, schema: Schema): z.output<Schema> {
  const given = Object.entries(context.req.queries());
  return checked(
    Object.fromEntries(given.map(([name, found]) => [name, found.length === 1 ? found[0] : found])),
    schema,
  );
}

function checked<Schema extends z.ZodType>(values: Record<string, unknown>, schema: Schema): z.output<Schema> {
  try {
    const result = schema.safeParse(values);
    if (result.success) return result.data;
    throw new InputError(describeIssue(result.error.issues[0], values, schema).message);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause; // the stack's end
    throw new InputError('Expected a few levels of lists and objects, got too many within one another', { cause });
  }
}

function parseBody(bytes: ArrayBuffer): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InputError('Expected the body to be UTF-8, got other bytes', { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`Expected the body to be JSON, got ${(cause as Error).message}`, { cause });
  }
  if (isObject(value)) return value;
  throw new InputError(
    `Expected the body to be one JSON object, got ${Array.isArray(value) ? 'a list' : String(value)}`,
  );
}
