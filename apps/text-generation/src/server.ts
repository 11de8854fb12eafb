import {
  createApi,
  limitBodies,
  messageOf,
  Places,
  readBody,
  streamEvents,
  type ApiOptions,
  type Context,
} from '@cadenza/cli/server';
import { checkChoiceOptions, InputError } from '@cadenza/core';
import { z } from 'zod';
import { sampleSeed } from './sampleSeed.js';
import { writerPage } from './serverPage.js';
import type { ReadingPolicy, SamplingOptions, TextGenerator, TokenScore } from './textGenerator.js';
import { pauses } from './turns.js';

/** Requests that write or are scored at the same time. */
const MAXIMUM_WRITERS = 64;
/** Tokens of one request, of all its texts together. */
const MAXIMUM_TOKENS = 1_000_000;
/** Bytes that are scored at the same time: the answer to one is a hundred times as long. */
const MAXIMUM_SCORED = 8 << 20;

const unknown = z.enum(['error', 'skip', 'unk']).default('error');

/** Each token is compared with them. */
const MAXIMUM_STOPS = 100;
const LONGEST_STOP = 1000;
// As one check: a list with something wrong in each of its places would be told of place by place.
const stops = z.custom<string[]>(
  (value) =>
    Array.isArray(value) &&
    value.length <= MAXIMUM_STOPS &&
    value.every((text) => typeof text === 'string' && text.length >= 1 && text.length <= LONGEST_STOP),
  `a list of at most ${MAXIMUM_STOPS} texts of 1 to ${LONGEST_STOP} characters`,
);

/** What `POST /generate` takes: named as in {@link SamplingOptions}. */
const generateSchema = z.strictObject({
  prompt: z.string().default(''),
  number: z.int().min(1).max(100).default(1),
  length: z.int().min(0).max(MAXIMUM_TOKENS).default(500),
  temperature: z.number().min(0).default(0.8),
  topK: z.int().min(1).optional(),
  topP: z.number().gt(0).max(1).optional(),
  repetitionPenalty: z.number().min(1).optional(),
  until: stops.optional(),
  seed: z.int().min(0).optional(),
  unknown,
  stream: z.boolean().default(false),
});
type GenerateRequest = z.output<typeof generateSchema>;

const scoreSchema = z.strictObject({ text: z.string().min(1), unknown });

/** The HTTP interface of a model that writes: `POST /generate`, whole or as server-sent events, and `POST /score`. */
export function textApi(generator: TextGenerator, options: ApiOptions) {
  const api = createApi(options);
  api.get('/', (context) => context.html(writerPage()));
  const writers = new Places(MAXIMUM_WRITERS, 'to write');
  api.post('/generate', limitBodies(), async (context) => {
    const { stream, ...request } = readBody(context, generateSchema);
    const policy = policyOf(request);
    checkGenerate({ stream, ...request });
    if (stream) generator.tokenizer.encode(request.prompt, { ...policy, name: 'the prompt' }); // before an answer begins
    const seed = request.seed ?? Math.floor(Math.random() * 2 ** 32);
    const writing = new Writing(generator, { ...request, seed }, policy);
    const done = writers.take();
    if (stream) return writing.asEvents(context, done);
    try {
      return context.json(await writing.whole(context.req.raw.signal));
    } finally {
      done();
    }
  });
  api.post('/score', limitBodies({ together: MAXIMUM_SCORED }), async (context) => {
    const { text, ...request } = readBody(context, scoreSchema);
    const pause = pauses(context.req.raw.signal);
    const done = writers.take();
    try {
      const tokens: TokenScore[] = [];
      for (const piece of generator.scorePieces(text, policyOf(request))) {
        for (const token of piece) tokens.push(token);
        await pause();
      }
      return context.json({ logProbability: tokens.reduce((sum, token) => sum + token.logProbability, 0), tokens });
    } finally {
      done();
    }
  });
  return api;
}

/** @throws {ConfigError} or {InputError} for what does not go together, or is too much */
function checkGenerate({ stream, ...request }: GenerateRequest): void {
  checkChoiceOptions(request);
  const tokens = request.number * request.length;
  if (tokens > MAXIMUM_TOKENS)
    throw new InputError(`Expected number times length to be at most ${MAXIMUM_TOKENS}, got ${tokens}`);
  if (stream && request.number > 1) throw new InputError(`Expected number to be 1 with stream, got ${request.number}`);
}

function policyOf({ unknown }: Pick<GenerateRequest, 'unknown'>): ReadingPolicy {
  return { unknown, nameOfPolicy: (policy) => `"unknown": "${policy}"` };
}

/** One request's texts. */
class Writing {
  private readonly sampling: SamplingOptions;

  constructor(
    private readonly generator: TextGenerator,
    private readonly request: Omit<GenerateRequest, 'stream' | 'seed'> & { seed: number },
    private readonly policy: ReadingPolicy,
  ) {
    const { prompt: _, number: __, unknown: ___, ...sampling } = request;
    this.sampling = sampling;
  }

  /** All of them, once they are written. */
  async whole(signal: AbortSignal) {
    const { number, seed, prompt } = this.request;
    const texts: { text: string; stop: string | null }[] = [];
    for (let index = 0; index < number; index++) {
      let text = '';
      const stop = await this.write(index, signal, (piece) => void (text += piece));
      signal.throwIfAborted();
      texts.push({ text, stop });
    }
    return { prompt, texts, seed };
  }

  /** The one text as it is written: `{"text"}` for each piece, and last the event `done` with `{"stop", "seed"}`, or `error`. */
  asEvents(context: Context, done: () => void): Response {
    return streamEvents(context, async (stream) => {
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      const tell = (value: object, event?: string): Promise<void> =>
        stream.writeSSE({ data: JSON.stringify(value), event });
      try {
        const stop = await this.write(0, gone.signal, (text) => tell({ text }));
        if (!gone.signal.aborted) await tell({ stop, seed: this.request.seed }, 'done');
      } catch (error) {
        await tell({ error: messageOf(error) }, 'error');
      } finally {
        done();
      }
    });
  }

  /** Writes a text; gives what ended it. */
  private async write(
    index: number,
    signal: AbortSignal,
    take: (piece: string) => Promise<void> | void,
  ): Promise<string | null> {
    const session = this.generator.session();
    try {
      await session.read(this.request.prompt, { ...this.policy, signal });
      const options = { ...this.sampling, seed: sampleSeed(this.request.seed, index), signal };
      for await (const piece of session.write(options)) await take(piece);
      return session.stop;
    } finally {
      session.dispose();
    }
  }
}
