import { InputError } from '@cadenza/core';
import type { Context, MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import { describeIssue } from '../configurationErrors.js';
import { isObject } from '../values.js';
import type {} from './serving.js'; // what a context holds
import { SharedMemory, type Holding } from './sharedMemory.js';

/** The codes of errors about bodies that are too long, or come too slowly. */
export const TOO_LARGE = 'TOO_LARGE';
export const TOO_LATE = 'TOO_LATE';

/** How long a body may take to arrive: so many seconds, and one more for each so many bytes. */
const PATIENCE = { seconds: 60, bytesPerSecond: 16_384 };

/** How long a stream may bring nothing: a microphone sends also what is silent, and who sends nothing for so long has forgotten it. */
const IDLE_SECONDS = 60;

/** Reads bodies for {@link readBody}: of so many bytes each, and so many together until their requests have been answered. */
export function limitBodies({ each = 1 << 20, together = 64 << 20 } = {}): MiddlewareHandler {
  const memory = new SharedMemory(together);
  return async (context, next) => {
    const holding = memory.open();
    try {
      context.set('body', await readBytes(context, { maximumBytes: each, holding }));
      await next();
    } finally {
      const writing = context.get('writing');
      if (writing) void writing.then(holding.release);
      else holding.release();
    }
  };
}

/**
 * The body's bytes, which are held as they come.
 *
 * @throws {InputError} for a body of more bytes than the maximum, which is answered 413, and one that comes too slowly: 408
 * @throws {BusyError} where other requests hold too much beside it
 */
export async function readBytes(
  { req }: Context,
  { maximumBytes, holding }: { maximumBytes: number; holding: Holding },
): Promise<Uint8Array<ArrayBuffer>> {
  const refuse = (): never => {
    throw new InputError(`Expected a body of at most ${maximumBytes} bytes, got more`, { code: TOO_LARGE });
  };
  if (Number(req.header('content-length')) > maximumBytes) refuse();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of req.raw.body ? inTime(req.raw.body) : []) {
    size += piece.length;
    if (size > maximumBytes) refuse();
    holding.hold(size);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

/** The pieces of a body. @throws {InputError} where it comes more slowly than anybody sends what is to be answered */
function inTime(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { seconds, bytesPerSecond } = PATIENCE;
  const began = performance.now();
  return patiently(body, {
    left: (size) => 1000 * (seconds + size / bytesPerSecond) - (performance.now() - began),
    wanted: `the body within ${seconds} s and 1 s more for each ${bytesPerSecond} bytes`,
  });
}

/**
 * The pieces of a body that is answered while it comes, for as long as it comes.
 * @throws {InputError} where nothing more comes for a minute, so that nobody keeps a place who only connects
 */
export async function* readPieces({ req }: Context): AsyncGenerator<Uint8Array> {
  const wanted = `more of the body within ${IDLE_SECONDS} s, or its end`;
  if (req.raw.body) yield* patiently(req.raw.body, { left: () => 1000 * IDLE_SECONDS, wanted });
}

/** The pieces of a body, for each of which there are so many milliseconds left after those bytes that have come. */
async function* patiently(
  body: ReadableStream<Uint8Array>,
  { left, wanted }: { left: (size: number) => number; wanted: string },
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let timer: NodeJS.Timeout | undefined;
  let size = 0;
  try {
    for (;;) {
      const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), left(size))));
      const piece = await Promise.race([reader.read(), late]);
      clearTimeout(timer);
      if (piece === undefined) throw new InputError(`Expected ${wanted}, got ${size} bytes`, { code: TOO_LATE });
      if (piece.done) return;
      size += piece.value.length;
      yield piece.value;
    }
  } finally {
    clearTimeout(timer);
    reader.releaseLock(); // not cancelled: who still sends would not get the answer
  }
}

/** The body's JSON object, as its schema has it, behind {@link limitBodies}. @throws {InputError} that says what is wrong with it and where */
export function readBody<Schema extends z.ZodType>(context: Context, schema: Schema): z.output<Schema> {
  return checked(parseBody(context.get('body')), schema);
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

function parseBody(bytes: Uint8Array): Record<string, unknown> {
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
