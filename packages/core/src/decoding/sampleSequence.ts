import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected, InputError } from '../errors.js';
import type { Random } from '../random.js';
import { integerFrom, positiveInteger, refuseUnknown } from '../options.js';
import { checkChoiceOptions, choiceOptionNames, chooseToken, type ChoiceOptions } from './chooseToken.js';

/** What a model gives for one more token of each row. */
export interface StepResult<S> {
  /** [B, V], or one row of V for each sample. A tensor is read and disposed of. */
  logits: tf.Tensor | readonly Float32Array[];
  state: S;
}

/** Reads one token of each row, ids [B], and gives the logits of the next one. All that decoding knows of a model. */
export type StepFunction<S> = (tokens: Int32Array, state: S) => StepResult<S> | Promise<StepResult<S>>;

export interface SampleOptions<S> extends ChoiceOptions {
  /** The tokens to go on from, at least one; the same for all samples. */
  prompt: ArrayLike<number>;
  /** The model's state for B samples, after the first `read` tokens of the prompt. */
  state: S;
  /** How many tokens of the prompt the state has seen already; 0 unless told, and fewer than there are. */
  read?: number;
  /** B: how many sequences to draw side by side; 1 unless told. Each has its own random numbers. */
  samples?: number;
  /** The most tokens to add to the prompt. */
  maximumTokens: number;
  /** A sequence ends with one of these. */
  stopTokens?: readonly number[];
  /** Asked after every token of a sequence whether it ends there. */
  stop?: (sample: number, token: number) => boolean;
  random: Random;
  /** Called for a state when the next one has come. The caller's own first state is not handed in. */
  disposeState?: (state: S) => void;
  signal?: AbortSignal;
}

const sampleOptionNames = [
  ...choiceOptionNames,
  ...['prompt', 'read', 'maximumTokens', 'stopTokens', 'stop', 'random', 'signal'],
];

/** One token of one sequence. */
export interface SampledToken {
  sample: number;
  token: number;
  /** log p of the token as the model gives it, in nats. */
  logProbability: number;
  /** Why the sequence ends here, or null where it goes on. */
  end: 'stop' | 'length' | null;
}

/**
 * Draws sequences token by token, several side by side, and yields each token as it is chosen. Sample i draws from
 * `random.fork('sample i')`, so it is the same whatever the number of samples and wherever the others end.
 */
export async function* sampleSequence<S>(
  step: StepFunction<S>,
  options: SampleOptions<S>,
): AsyncGenerator<SampledToken, void, undefined> {
  checkSampleNames('sampleSequence', options, ['state', 'samples', 'disposeState']);
  checkSampleOptions(options);
  const { samples = 1, maximumTokens, stopTokens = [], stop } = options;
  const histories = Array.from({ length: samples }, () => Array.from(options.prompt));
  const generators = histories.map((_, sample) => options.random.fork(`sample ${sample}`));
  const alive = histories.map(() => true);
  const walk = new Walk(step, options.state, options.disposeState);
  try {
    const rowsOf = (token: number): Int32Array => new Int32Array(samples).fill(token);
    for (let index = options.read ?? 0; index < options.prompt.length - 1; index++) {
      if (options.signal?.aborted) return;
      await walk.take(rowsOf(options.prompt[index]), false);
    }
    let tokens = rowsOf(options.prompt[options.prompt.length - 1]);
    for (let count = 1; count <= maximumTokens; count++) {
      if (options.signal?.aborted) return;
      const rows = await walk.take(tokens, true);
      tokens = tokens.slice(); // a step may have kept the last ones
      for (let sample = 0; sample < samples; sample++) {
        if (!alive[sample]) continue;
        const choice = chooseToken(rows[sample], histories[sample], options, generators[sample]);
        histories[sample].push(choice.token);
        tokens[sample] = choice.token;
        const stops = stopTokens.includes(choice.token) || (stop?.(sample, choice.token) ?? false);
        const end = stops ? 'stop' : count === maximumTokens ? 'length' : null;
        if (end) alive[sample] = false;
        yield { sample, ...choice, end };
      }
      if (!alive.includes(true)) return;
    }
  } finally {
    walk.dispose();
  }
}

export interface SampledSequence {
  tokens: number[];
  logProbabilities: number[];
  end: 'stop' | 'length' | 'aborted';
}

/** The sequences of {@link sampleSequence}, whole, without the prompt. */
export async function sampleSequences<S>(step: StepFunction<S>, options: SampleOptions<S>): Promise<SampledSequence[]> {
  checkSampleNames('sampleSequences', options, ['state', 'samples', 'disposeState']);
  const sequences = Array.from({ length: options.samples ?? 1 }, (): SampledSequence => ({
    tokens: [],
    logProbabilities: [],
    end: 'aborted',
  }));
  for await (const { sample, token, logProbability, end } of sampleSequence(step, options)) {
    sequences[sample].tokens.push(token);
    sequences[sample].logProbabilities.push(logProbability);
    if (end) sequences[sample].end = end;
  }
  return sequences;
}

/** A model on its way through a sequence: keeps the newest state and lets go of the ones before. */
class Walk<S> {
  private own = false;

  constructor(
    private readonly step: StepFunction<S>,
    private state: S,
    private readonly disposeState?: (state: S) => void,
  ) {}

  /** Feeds one token a row; gives the logits, a row each, where they are wanted. */
  async take(tokens: Int32Array, wanted: boolean): Promise<readonly Float32Array[]> {
    const { logits, state } = await this.step(tokens, this.state);
    if (state !== this.state) {
      this.dispose();
      this.state = state;
      this.own = true;
    }
    if (!(logits instanceof tf.Tensor)) return logits;
    const values = wanted ? ((await logits.data()) as Float32Array) : new Float32Array(0);
    const [rows, size] = logits.shape.length === 2 ? logits.shape : [0, 0];
    logits.dispose();
    if (rows !== tokens.length) {
      throw new InputError(`Expected logits to have shape [${tokens.length}, V], got [${logits.shape.join(', ')}]`);
    }
    return wanted ? Array.from({ length: rows }, (_, row) => values.subarray(row * size, (row + 1) * size)) : [];
  }

  dispose(): void {
    if (this.own) this.disposeState?.(this.state);
    this.own = false;
  }
}

/** Refuses options that a way of drawing sequences does not know. `own` names those that not every way has. */
export function checkSampleNames(owner: string, options: object, own: readonly string[] = []): void {
  refuseUnknown(owner, options, [...sampleOptionNames, ...own]);
}

/** Refuses options out of their ranges before anything is read. */
export function checkSampleOptions(
  options: ChoiceOptions & Pick<SampleOptions<unknown>, 'prompt' | 'read' | 'samples' | 'maximumTokens'>,
): void {
  const { prompt, read = 0, samples = 1, maximumTokens } = options;
  checkChoiceOptions(options);
  if (prompt.length === 0) throw new InputError('Expected prompt to have at least one token, got none');
  if (!Number.isInteger(read) || read < 0 || read >= prompt.length) {
    throw new ConfigError(expected('read', `an integer from 0 to ${prompt.length - 1}`, read));
  }
  positiveInteger(samples, 'samples');
  if (maximumTokens !== Infinity) integerFrom(0, maximumTokens, 'maximumTokens');
}
