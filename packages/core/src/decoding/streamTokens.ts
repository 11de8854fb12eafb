import type { Random } from '../random.js';
import { TurnTaker } from './eventLoop.js';
import { checkSampleOptions, sampleSequence, type SampledToken, type SampleOptions } from './sampleSequence.js';
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
  const { stopTokens = [], stop, signal } = options;
  const turns = new TurnTaker(SLICE_MILLISECONDS);
  for (let index = options.read ?? 0; index < options.prompt.length - 1; index++) {
    if (turns.due) await turns.take();
    if (signal?.aborted) return;
    session.step(Int32Array.of(options.prompt[index]));
  }
  const slices = new Slices(session, options);
  let left = options.maximumTokens;
  while (left > 0) {
    await turns.take();
    if (signal?.aborted) return;
    const drawn = slices.draw(left);
    try {
      for (let index = 0; index < drawn; index++) {
        if (turns.due) await turns.take();
        if (signal?.aborted) return;
        const { token, logProbability } = slices.give();
        left--;
        const stops = stopTokens.includes(token) || (stop?.(0, token) ?? false);
        const end = stops ? 'stop' : left === 0 ? 'length' : null;
        yield { sample: 0, token, logProbability, end };
        if (end) return;
      }
    } finally {
      slices.takeBack();
    }
  }
}

/** Draws many tokens at once and gives them one by one; those not given can be taken back. */
class Slices {
  private readonly random: Random;
  private readonly uniforms = new Float64Array(SLICE_TOKENS);
  /** How many numbers are drawn and not yet used. */
  private filled = 0;
  private readonly tokens = new Int32Array(SLICE_TOKENS);
  private readonly logProbabilities = new Float64Array(SLICE_TOKENS);
  /** The last token that was given, or the prompt's last. */
  private last: number;
  private before: Float32Array[] = [];
  private first = 0;
  private drawn = 0;
  private given = 0;

  constructor(
    private readonly session: StepSession,
    private readonly options: StreamOptions,
  ) {
    this.random = options.random.fork('sample 0');
    this.last = options.prompt[options.prompt.length - 1];
  }

  /** Draws a slice of at most so many tokens; how many it has. */
  draw(most: number): number {
    const { temperature = 1, topK = 0, topP = 1, bannedTokens = [], stopTokens = [] } = this.options;
    const count = Math.min(most, SLICE_TOKENS);
    while (this.filled < count && temperature > 0) this.uniforms[this.filled++] = this.random.next();
    this.before = this.session.states();
    this.first = this.last;
    this.drawn = this.given = 0;
    this.drawn = this.session.sample({
      ...{ token: this.first, count, temperature, topK, topP },
      ...{ uniforms: this.uniforms, tokens: this.tokens, logProbabilities: this.logProbabilities },
      bannedTokens: Int32Array.from(bannedTokens),
      stopTokens: Int32Array.from(stopTokens),
      milliseconds: SLICE_MILLISECONDS,
    });
    if (temperature > 0) {
      this.uniforms.copyWithin(0, this.drawn, this.filled);
      this.filled -= this.drawn;
    }
    return this.drawn;
  }

  give(): { token: number; logProbability: number } {
    const index = this.given++;
    this.last = this.tokens[index];
    return { token: this.last, logProbability: this.logProbabilities[index] };
  }

  /** Puts the session back to where it has read all but the last token given. */
  takeBack(): void {
    if (this.given === this.drawn) return;
    this.session.setStates(this.before);
    const read = [this.first, ...this.tokens.subarray(0, this.given)];
    for (const token of read.slice(0, -1)) this.session.step(Int32Array.of(token));
    this.drawn = this.given;
  }
}
