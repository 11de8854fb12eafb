import {
  compileSteps,
  Random,
  streamChunks,
  type ChoiceOptions,
  type RecurrentLanguageModel,
  type State,
  type StepSession,
  type WeightFormat,
} from '@cadenza/core';
import { TextStream, type EncodeOptions, type Tokenizer, type UnknownPolicy } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { encodeInTurns, tokenPieces } from './reading.js';
import { openRun, type OpenRun } from './run.js';
import { pauses } from './turns.js';

/** How a text is continued. */
export interface SamplingOptions extends ChoiceOptions {
  /** The most tokens (characters, or words) to write: 500 when absent. */
  length?: number;
  /** Stop before any of these texts. */
  until?: readonly string[];
  /** The same seed writes the same text: 1 when absent. */
  seed?: number;
  signal?: AbortSignal;
}

export interface ReadingPolicy {
  /** What to do with characters that the model never saw: `error` when absent. */
  unknown?: UnknownPolicy;
  /** How the error names a policy that would go on: see {@link EncodeOptions}. */
  nameOfPolicy?: EncodeOptions['nameOfPolicy'];
}

/** How likely a token of a text was, given all before it. */
export interface TokenScore {
  token: string;
  /** Natural logarithm. */
  logProbability: number;
}

const readChunk = 256;

/** A trained model that writes and scores text; works without the command line. */
export class TextGenerator {
  readonly model: RecurrentLanguageModel;
  readonly tokenizer: Tokenizer;
  /** How the weights are kept for writing. */
  readonly weights: WeightFormat;
  private compiled: ReturnType<typeof compileSteps> | undefined;

  /** `weights` says how the model's are kept for writing: f32 when absent. Reading computes with the model's own. */
  constructor(parts: { model: RecurrentLanguageModel; tokenizer: Tokenizer; weights?: WeightFormat }) {
    this.model = parts.model;
    this.tokenizer = parts.tokenizer;
    this.weights = parts.weights ?? 'f32';
  }

  /**
   * Loads the best (or the latest) weights of a run folder, or those of an exported folder, onto TensorFlow.js's present
   * backend. `weights` rounds them, as an export would, and keeps them so for writing; the folder's own format when absent.
   */
  static load(
    directory: string,
    { weights, ...options }: { checkpoint?: 'best' | 'latest'; weights?: WeightFormat } = {},
  ): TextGenerator {
    return TextGenerator.of(openRun(directory, options), weights);
  }

  static of(run: OpenRun, weights: WeightFormat = run.stored.format): TextGenerator {
    return new TextGenerator({ model: run.loadModel(weights), tokenizer: run.tokenizer, weights });
  }

  /** The weights packed for writing, once for all sessions. */
  get steps(): ReturnType<typeof compileSteps> {
    return (this.compiled ??= compileSteps(this.model, this.weights));
  }

  /** Lets go of the packed weights, once no session is left; the next one packs what the model's weights are then. */
  forget(): void {
    this.compiled?.dispose();
    this.compiled = undefined;
  }

  /** A text in the making, which can be read on and written on in turns. */
  session(): TextSession {
    return new TextSession(this.model, this.tokenizer, this.steps.session(1));
  }

  /** Continues the prompt and returns what was added to it. */
  async generate(prompt = '', options: SamplingOptions & ReadingPolicy = {}): Promise<string> {
    let text = '';
    for await (const piece of this.stream(prompt, options)) text += piece;
    return text;
  }

  /** The same, piece by piece, as it is written. */
  async *stream(prompt = '', options: SamplingOptions & ReadingPolicy = {}): AsyncGenerator<string, void, undefined> {
    const { unknown, nameOfPolicy, ...sampling } = options;
    const session = this.session();
    try {
      await session.read(prompt, { unknown, nameOfPolicy, signal: sampling.signal });
      yield* session.write(sampling);
    } finally {
      session.dispose();
    }
  }

  /**
   * The log-probability of each token of a text, which is taken to follow a line end. Where the model knows no line end,
   * the first token is left out: nothing says how likely it is.
   */
  score(text: string, policy: ReadingPolicy = {}): TokenScore[] {
    return [...this.scorePieces(text, policy)].flat();
  }

  /** The same in pieces of a few hundred tokens, each as soon as it is read. */
  *scorePieces(text: string, policy: ReadingPolicy = {}): Generator<TokenScore[], void, undefined> {
    const ids = [...startTokens(this.tokenizer), ...this.tokenizer.encode(text, { ...policy, name: 'the text' })];
    let state = this.model.initialState(1);
    try {
      for (let start = 0; start < ids.length - 1; start += readChunk) {
        const end = Math.min(start + readChunk, ids.length - 1);
        const targets = ids.slice(start + 1, end + 1);
        const [losses, ...next] = tf.tidy(() => {
          const result = this.model.loss(row(ids.slice(start, end)), row(targets), state);
          return [result.losses, ...result.state];
        });
        const values = losses.dataSync();
        tf.dispose([losses, ...state]);
        state = next;
        yield targets.map((id, index) => ({ token: this.tokenizer.decode([id]), logProbability: -values[index] }));
      }
    } finally {
      tf.dispose(state);
    }
  }

  /** Frees the model's weights. */
  dispose(): void {
    this.forget();
    this.model.dispose();
  }
}

/** A text in the making: what was read and written so far, and the network's state after all but its last token. */
export class TextSession {
  /** The text that ended the last writing (one of `until`), or null. */
  stop: string | null = null;
  private readonly tokens: number[];

  /** @param steps from a zero state; it belongs to this text from now on */
  constructor(
    private readonly model: RecurrentLanguageModel,
    private readonly tokenizer: Tokenizer,
    private readonly steps: StepSession,
  ) {
    const start = startTokens(tokenizer);
    this.tokens = start.length > 0 ? start : [0];
  }

  /**
   * Adds a text to the context. The event loop gets its turns in between; once `signal` is aborted, the text is left out.
   */
  async read(text: string, { signal, ...policy }: ReadingPolicy & Pick<SamplingOptions, 'signal'> = {}): Promise<void> {
    const pause = pauses();
    const ids = await encodeInTurns(this.tokenizer, text, { ...policy, name: 'the prompt' }, pause);
    if (ids.length === 0) return;
    const unread = new Int32Array(ids.length);
    unread.set([this.tokens.at(-1)!]);
    unread.set(ids.subarray(0, -1), 1);
    // Many steps in one operation are quicker than single ones; the state goes there and back.
    let state: State = this.steps.states().map((values) => tf.tensor2d(values, [1, values.length]));
    try {
      for (const [start, end] of tokenPieces(0, unread.length, { weights: this.model.parameterCount })) {
        await pause();
        if (signal?.aborted) return;
        const next = tf.tidy(() => this.model.forward(row(unread.subarray(start, end)), state).state);
        tf.dispose(state);
        state = next;
      }
      this.steps.setStates(state.map((tensor) => tensor.dataSync() as Float32Array));
    } finally {
      tf.dispose(state);
    }
    for (const id of ids) this.tokens.push(id);
  }

  /**
   * Continues the text, yielding what is certain not to belong to a stop text, every few milliseconds. The event loop gets its
   * turns in between.
   */
  async *write(options: SamplingOptions = {}): AsyncGenerator<string, void, undefined> {
    const { length = 500, until = [], seed = 1, ...choice } = options;
    const { unknownId } = this.tokenizer.vocabulary;
    const stream = new TextStream(this.tokenizer, until);
    this.stop = null;
    let piece = '';
    const chunks = streamChunks(this.steps, {
      bannedTokens: unknownId >= 0 ? [unknownId] : [],
      ...choice,
      prompt: this.tokens.slice(),
      read: this.tokens.length - 1,
      maximumTokens: length,
      random: new Random(seed),
      stop: (_, token) => {
        piece += stream.push(token);
        return stream.stop !== null;
      },
    });
    for await (const { tokens } of chunks) {
      for (const token of tokens) this.tokens.push(token);
      this.stop = stream.stop;
      if (piece !== '') yield piece;
      piece = '';
    }
    const rest = this.stop === null ? stream.finish() : '';
    if (rest !== '') yield rest;
  }

  dispose(): void {
    this.steps.dispose();
  }
}

/** What a text starts after: a line end, where the model knows it. */
function startTokens(tokenizer: Tokenizer): number[] {
  const id = tokenizer.vocabulary.id('\n');
  return id >= 0 ? [id] : [];
}

function row(ids: number[] | Int32Array): tf.Tensor2D {
  return tf.tensor2d(ids, [1, ids.length], 'int32');
}
