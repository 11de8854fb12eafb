import { expected, InputError } from '../errors.js';
import type { Random } from '../random.js';
import { TurnTaker } from './eventLoop.js';
import { checkSampleNames, checkSampleOptions, sampleSequence } from './sampleSequence.js';
import type { SampledToken, SampleOptions } from './sampleSequence.js';
import type { StepSession } from './stepEngine.js';

/** The options of {@link streamTokens}: `sampleSequence`'s; the state and the number of samples are the session's. */
export type StreamOptions = Omit<SampleOptions<never>, 'state' | 'samples' | 'disposeState'>;

/** Between two turns of the event loop, milliseconds: half of what a server or a page does not notice. */
const SLICE_MILLISECONDS = 5;
/** The most tokens of a slice. */
const SLICE_TOKENS = 4096;

/**
 * Draws tokens from a session and yields each, as `sampleSequence` does and with the same random numbers, so that equal weights
 * and an equal seed give the same tokens. One text without a repetition penalty is drawn by the session's own loop in slices of
 * at most 5 ms, with a turn of the event loop after each; otherwise every step is followed by `chooseToken`. Either way the event
 * loop gets a turn after 5 ms, the caller's own work counted. Whenever the caller stops, the session has read all but the last
 * token it was given.
 *
 * @param options `prompt`: its first `read` tokens are those the session has read
 */
export async function* streamTokens(
  session: StepSession,
  options: StreamOptions,
): AsyncGenerator<SampledToken, void, undefined> {
  checkSampleNames('streamTokens', options);
  checkSampleOptions(options);
  const { repetitionPenalty = 1 } = options;
  yield* session.batch > 1 || repetitionPenalty !== 1 ? streamSteps(session, options) : streamSlices(session, options);
}

/** A step of the session for each token, of all texts at once. */
function streamSteps(session: StepSession, options: StreamOptions): AsyncGenerator<SampledToken, void, undefined> {
  const turns = new TurnTaker(SLICE_MILLISECONDS);
  const step = async (tokens: Int32Array): Promise<{ logits: Float32Array[]; state: null }> => {
    if (turns.due) await turns.take();
    const logits = session.step(tokens); // [B * V]
    const size = logits.length / session.batch;
    return { logits: Array.from(tokens, (_, row) => logits.subarray(row * size, (row + 1) * size)), state: null };
  };
  return sampleSequence(step, { ...options, state: null, samples: session.batch });
}

async function* streamSlices(
  session: StepSession,
  options: StreamOptions,
): AsyncGenerator<SampledToken, void, undefined> {
  const turns = new TurnTaker(SLICE_MILLISECONDS);
  const slices = new Slices(session, options);
  await readPrompt(session, options, turns);
  while (!slices.ended) {
    await turns.take();
    if (options.signal?.aborted) return;
    slices.draw();
    try {
      while (slices.left > 0) {
        if (turns.due) await turns.take();
        if (options.signal?.aborted) return;
        yield slices.give();
        if (slices.ended) return;
      }
    } finally {
      slices.takeBack();
    }
  }
}

/** Several tokens of a text. */
export interface SampledChunk {
  tokens: number[];
  logProbabilities: number[];
  /** Why the text ends with the last of them, or null where it goes on. */
  end: SampledToken['end'];
}

/**
 * The tokens of {@link streamTokens} for one text, handed over together after each slice of at most 5 ms, which spares a small
 * network's tokens most of the time that they spend on their way. `stop` is asked token by token, before the chunk is handed
 * over; what was drawn beyond the token it stops at is taken back.
 */
export async function* streamChunks(
  session: StepSession,
  options: StreamOptions,
): AsyncGenerator<SampledChunk, void, undefined> {
  checkSampleNames('streamChunks', options);
  checkSampleOptions(options);
  if (session.batch !== 1) throw new InputError(expected('the batch of a session in chunks', '1', session.batch));
  const turns = new TurnTaker(SLICE_MILLISECONDS);
  if ((options.repetitionPenalty ?? 1) !== 1) {
    yield* gather(streamSteps(session, options), turns);
    return;
  }
  const slices = new Slices(session, options);
  await readPrompt(session, options, turns);
  while (!slices.ended) {
    await turns.take();
    if (options.signal?.aborted) return;
    slices.draw();
    const chunk: SampledChunk = { tokens: [], logProbabilities: [], end: null };
    try {
      while (slices.left > 0 && !slices.ended) add(chunk, slices.give());
    } finally {
      slices.takeBack(); // also where `stop` throws
    }
    yield chunk;
  }
}

function add(chunk: SampledChunk, { token, logProbability, end }: SampledToken): void {
  chunk.tokens.push(token);
  chunk.logProbabilities.push(logProbability);
  chunk.end = end;
}

/** Single tokens, together as they come within the time of a slice. */
async function* gather(
  stream: AsyncIterable<SampledToken>,
  turns: TurnTaker,
): AsyncGenerator<SampledChunk, void, undefined> {
  let chunk: SampledChunk = { tokens: [], logProbabilities: [], end: null };
  for await (const sampled of stream) {
    add(chunk, sampled);
    if (!turns.due && sampled.end === null) continue;
    yield chunk;
    chunk = { tokens: [], logProbabilities: [], end: null };
    await turns.take();
  }
  if (chunk.tokens.length > 0) yield chunk; // where it was aborted
}

/** Reads the prompt but for its last token. */
async function readPrompt(session: StepSession, { prompt, read = 0, signal }: StreamOptions, turns: TurnTaker) {
  for (let index = read; index < prompt.length - 1; index++) {
    if (turns.due) await turns.take();
    if (signal?.aborted) return;
    session.step(Int32Array.of(prompt[index]));
  }
}

/** Draws many tokens at once and gives them one by one; those not given can be taken back. */
class Slices {
  /** True once the text has ended. */
  ended: boolean;
  private readonly random: Random;
  private readonly uniforms = new Float64Array(SLICE_TOKENS);
  /** How many numbers are drawn and not yet used. */
  private filled = 0;
  private readonly tokens = new Int32Array(SLICE_TOKENS);
  private readonly logProbabilities = new Float64Array(SLICE_TOKENS);
  private readonly bannedTokens: Int32Array;
  private readonly stopTokens: Int32Array;
  /** The last token that was given, or the prompt's last. */
  private last: number;
  private first = 0;
  private before: Float32Array[] = [];
  private drawn = 0;
  private given = 0;
  /** How many tokens the text may still have. */
  private remaining: number;

  constructor(
    private readonly session: StepSession,
    private readonly options: StreamOptions,
  ) {
    this.random = options.random.fork('sample 0');
    this.last = options.prompt[options.prompt.length - 1];
    this.remaining = options.maximumTokens;
    this.ended = this.remaining === 0;
    this.bannedTokens = Int32Array.from(options.bannedTokens ?? []);
    this.stopTokens = Int32Array.from(options.stopTokens ?? []);
  }

  /** How many tokens of the slice are still to be given. */
  get left(): number {
    return this.drawn - this.given;
  }

  draw(): void {
    const { temperature = 1, topP = 1 } = this.options;
    const topK = Math.min(this.options.topK ?? 0, 2 ** 31 - 1); // an int32 to engines, and no vocabulary has more
    const count = Math.min(this.remaining, SLICE_TOKENS);
    while (this.filled < count && temperature > 0) this.uniforms[this.filled++] = this.random.next();
    this.before = this.session.states();
    this.first = this.last;
    this.drawn = this.given = 0;
    this.drawn = this.session.sample({
      ...{ token: this.first, count, temperature, topK, topP, milliseconds: SLICE_MILLISECONDS },
      ...{ uniforms: this.uniforms, tokens: this.tokens, logProbabilities: this.logProbabilities },
      ...{ bannedTokens: this.bannedTokens, stopTokens: this.stopTokens },
    });
    if (temperature === 0) return;
    this.uniforms.copyWithin(0, this.drawn, this.filled);
    this.filled -= this.drawn;
  }

  give(): SampledToken {
    const token = this.tokens[this.given];
    const logProbability = this.logProbabilities[this.given++];
    this.last = token;
    this.remaining--;
    const stops = this.stopTokens.includes(token) || (this.options.stop?.(0, token) ?? false);
    const end = stops ? 'stop' : this.remaining === 0 ? 'length' : null;
    this.ended = end !== null;
    return { sample: 0, token, logProbability, end };
  }

  /** Puts the session back to where it has read all but the last token given. */
  takeBack(): void {
    if (this.left === 0) return;
    this.session.setStates(this.before);
    const read = [this.first, ...this.tokens.subarray(0, this.given)];
    for (const token of read.slice(0, -1)) this.session.step(Int32Array.of(token));
    this.drawn = this.given;
  }
}
