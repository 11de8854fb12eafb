import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, InputError, expected } from '../errors.js';
import { NestedLayer, gatherInputs, sequenceShape } from '../layers/nestedLayer.js';
import type { ApplyInputs, CallArguments, Shape } from '../layers/nestedLayer.js';
import { assertKnownOptions } from '../layers/options.js';
import { choice, flag, presentOptions, rate, refuseUnknown, seedOf, sizeOrNone } from '../options.js';
import {
  RecurrentStack,
  stackOptionNames,
  type CellName,
  type RecurrentStackOptions,
} from '../layers/recurrentStack.js';
import type { RunOptions, Trace } from '../layers/sequenceLayer.js';
import { resolveInitializer, savedOptions } from '../layers/weightOptions.js';
import { dropout, dropoutMask } from '../ops/index.js';
import { Random } from '../random.js';
import { checkedSequence, embeddingSpec, entrance, entranceSize, tokenOptionNames, tokenSizes } from './tokens.js';
import type { TokenOptions } from './tokens.js';

/** The options of {@link RecurrentDecoder}: its own, and those of the stack of cells in it. */
export interface RecurrentDecoderOptions
  extends TokenOptions, Omit<RecurrentStackOptions, 'bidirectional' | 'mergeMode' | 'returnSequences' | 'stateful'> {
  /** The number of logits; as many as tokens when absent, none without tokens. */
  outputSize?: number;
  /** Let the embedding also be the output's kernel (Press and Wolf 2017), behind a projection where the sizes differ. */
  tieWeights?: boolean;
  /** Dropout of whole rows of the embedding: a token is gone in all places (Gal and Ghahramani 2016). */
  embeddingDropout?: number;
  /** Dropout of the features before the logits. */
  outputDropout?: number;
  /** Let the output see the hidden states of all layers (Graves 2013), not only the highest one's. */
  skipToOutput?: boolean;
}

const decoderOptionNames = [
  'outputSize',
  'tieWeights',
  'embeddingDropout',
  'outputDropout',
  'skipToOutput',
  'returnState',
];

/** What a decoder carries from step to step. */
export type DecoderState = {
  /** The recurrent states, one tensor for each of `stateSizes`. */
  states: tf.Tensor[];
  /** What the encoder put out, [B, S, H], for decoders that attend to it; handed on unchanged. */
  encoderOutputs?: tf.Tensor3D;
  /** int32 [B] */
  encoderLengths?: tf.Tensor;
};

/** What decoding gives. */
export type DecodeResult = {
  /** [B, T, features], what the logits are made of */
  outputs: tf.Tensor3D;
  /** [B, T, V]; absent for a decoder without an output */
  logits?: tf.Tensor3D;
  state: DecoderState;
};

const decodeOptionNames = ['lengths', 'training', 'random', 'needInputGradient'] as const;
export type DecodeOptions = Pick<RunOptions, (typeof decodeOptionNames)[number]>;

/**
 * Reads tokens (or features) and predicts what follows each: embedding, a stack of recurrent layers, logits. Whole sequences
 * (teacher forcing) and single steps go through the same weights and give the same logits.
 */
export class RecurrentDecoder extends NestedLayer {
  /** @nocollapse */
  static className = 'CadenzaRecurrentDecoder';
  readonly stack: RecurrentStack;
  readonly outputSize: number;
  readonly returnState: boolean;
  private readonly sizes: { vocabularySize: number; embeddingSize: number };
  private readonly tied: boolean;
  private readonly skipToOutput: boolean;
  private readonly rates: { embedding: number; output: number };
  private readonly variational: boolean;
  private readonly seed: number;
  private readonly random: Random;
  private readonly given: RecurrentDecoderOptions;

  constructor(options: RecurrentDecoderOptions, owner = 'RecurrentDecoder') {
    const cell: CellName = choice(options.cell ?? undefined, ['rnn', 'gru', 'lstm'], 'lstm', 'cell');
    const forStack = stackOptionNames(cell).filter((name) => name !== 'bidirectional' && name !== 'mergeMode');
    assertKnownOptions(owner, options, [...decoderOptionNames, ...tokenOptionNames, ...forStack]);
    const given = presentOptions(options);
    super(given);
    this.given = given;
    this.sizes = tokenSizes(given);
    this.outputSize =
      given.outputSize === undefined ? this.sizes.vocabularySize : sizeOrNone(given.outputSize, 'outputSize');
    this.returnState = flag(given.returnState, false, 'returnState');
    this.skipToOutput = flag(given.skipToOutput, false, 'skipToOutput');
    this.variational = flag(given.variational, true, 'variational');
    this.tied = flag(given.tieWeights, false, 'tieWeights');
    if (this.tied && (this.sizes.embeddingSize === 0 || this.outputSize !== this.sizes.vocabularySize)) {
      throw new ConfigError(expected('tieWeights', 'false without an embedding of all output tokens', true));
    }
    this.rates = {
      embedding: rate(given.embeddingDropout, 'embeddingDropout'),
      output: rate(given.outputDropout, 'outputDropout'),
    };
    for (const name of ['embeddingDropout', 'dropout'] as const) {
      if (given[name] && this.sizes.vocabularySize > 0 && this.sizes.embeddingSize === 0) {
        throw new ConfigError(expected(name, '0 where embeddingSize is 0', given[name]));
      }
    }
    this.seed = seedOf(given.seed);
    this.random = new Random(this.seed);
    const passedOn = Object.entries(given).filter(([key]) => forStack.includes(key));
    const stackOptions = Object.fromEntries(passedOn) as unknown as RecurrentStackOptions;
    this.stack = this.adopt('', new RecurrentStack({ ...stackOptions, seed: this.seed, name: `${this.name}_stack` }));
    this.supportsMasking = true;
  }

  /** The sizes of the recurrent states, in the order in which they are handed over. */
  get stateSizes(): number[] {
    return this.stack.stateSizes;
  }

  private get featureSize(): number {
    const { layers, outputSize } = this.stack;
    return this.skipToOutput ? layers.reduce((sum, layer) => sum + layer.outputSize, 0) : outputSize;
  }

  override build(inputShape: Shape | Shape[]): void {
    const { vocabularySize, embeddingSize } = this.sizes;
    const random = (name: string): Random => new Random(this.seed).fork(name);
    if (embeddingSize > 0)
      this.makeWeight(embeddingSpec(vocabularySize, embeddingSize, this.tied, random('embedding')));
    this.buildChild('', [null, null, entranceSize(this.sizes, sequenceShape(inputShape))]);
    if (this.outputSize > 0) {
      const dense = (name: string, shape: number[]): void =>
        this.makeWeight({ name, shape, fill: resolveInitializer('glorotUniform', random(name), name) });
      if (!this.tied) dense('output.kernel', [this.featureSize, this.outputSize]);
      else if (this.featureSize !== embeddingSize) dense('output.projection', [this.featureSize, embeddingSize]);
      this.makeWeight({ name: 'output.bias', shape: [this.outputSize], fill: (shape) => tf.zeros(shape) });
    }
    this.built = true;
  }

  /**
   * Runs whole sequences, ids [B, T] or features [B, T, D], from a state (zeros when absent). With `maskZero` and without lengths,
   * ids of 0 carry the state and put out zeros. The caller owns the result, except for the encoder's tensors, which are
   * handed on as they came.
   */
  decode(x: tf.Tensor, state?: DecoderState, options: DecodeOptions = {}): DecodeResult {
    if (!this.built)
      throw new InputError(`Expected ${this.name} to be built before it decodes; call build([null, null, D])`);
    refuseUnknown(`decode of ${this.name}`, options, decodeOptionNames);
    return tf.tidy(() => {
      const { x: packed, lengths, unpack } = checkedSequence(x, this.given, options.lengths);
      const { outputs: found, states } = this.features(packed, state, { ...options, lengths });
      const outputs = unpack(found);
      return { outputs, logits: this.logits(outputs), state: { ...state, states } };
    });
  }

  /** Runs one step, ids [B] or features [B, D]. Same weights, same logits as {@link decode}, but [B, V]. */
  step(x: tf.Tensor, state?: DecoderState, options: DecodeOptions = {}) {
    return tf.tidy(() => {
      const { outputs, logits, state: next } = this.decode(tf.expandDims(x, 1), state, options);
      return {
        outputs: tf.squeeze(outputs, [1]) as tf.Tensor2D, // [B, features]
        logits: logits && (tf.squeeze(logits, [1]) as tf.Tensor2D), // [B, V]
        state: next,
      };
    });
  }

  /**
   * The gates, cells and hidden states of every layer at every step, each [B, T, H]. With `maskZero` those of ids of 0 are zero, but for
   * an LSTM's cells: they stay what they were after the row's last other id.
   */
  traceGates(x: tf.Tensor, state?: DecoderState): Trace[] {
    return tf.tidy(() => {
      const { x: packed, lengths, unpack } = checkedSequence(x, this.given, undefined);
      const run = { initialState: state?.states, lengths, table: this.weight('embedding') };
      const unpacked = (trace: Trace): Trace =>
        Object.fromEntries(Object.entries(trace).map(([name, steps]) => [name, unpack(steps)]));
      return this.stack.traceGates(packed, run).map(unpacked);
    });
  }

  private features(x: tf.Tensor, state: DecoderState | undefined, options: DecodeOptions) {
    const { training, lengths, needInputGradient } = options;
    const random = options.random ?? this.random;
    let table: tf.Tensor | undefined = this.weight('embedding');
    if (table && training && this.rates.embedding > 0) {
      const mask = dropoutMask([table.shape[0], 1], { rate: this.rates.embedding, seed: random.seedPair() });
      table = tf.mul(table, mask); // [V, E]
    }
    const run = { initialState: state?.states, lengths, training, random, table, needInputGradient };
    const result = this.stack.run(x, run);
    let outputs = this.skipToOutput ? tf.concat(result.layerOutputs, -1) : result.outputs; // [B, T, features]
    if (training && this.rates.output > 0) {
      outputs = dropout(outputs, { rate: this.rates.output, seed: random.seedPair(), locked: this.variational });
    }
    return { outputs, states: result.states };
  }

  private logits(outputs: tf.Tensor3D): tf.Tensor3D | undefined {
    if (this.outputSize === 0) return undefined;
    const [batch, time, size] = outputs.shape;
    let rows: tf.Tensor2D = tf.reshape(outputs, [batch * time, size]); // [B * T, features]
    const projection = this.weight('output.projection');
    if (projection) rows = tf.matMul(rows, projection); // [B * T, E]
    const kernel = this.tied ? this.weight('embedding')! : this.weight('output.kernel')!;
    const products = tf.matMul(rows, kernel as tf.Tensor as tf.Tensor2D, false, this.tied); // [B * T, V]
    return tf.reshape(tf.add(products, this.weight('output.bias')!), [batch, time, this.outputSize]);
  }

  override apply(inputs: ApplyInputs, keywords?: CallArguments) {
    const gathered = gatherInputs<unknown>(inputs, keywords);
    return super.apply(gathered.inputs as tf.Tensor[], gathered.keywords);
  }

  /** As a layer: [x, ...states] to logits (or outputs, without an output) and, with `returnState`, the final states. */
  override call(inputs: tf.Tensor | tf.Tensor[], keywords: CallArguments = {}): tf.Tensor | tf.Tensor[] {
    this.invokeCallHook(inputs, keywords);
    const [x, ...given] = [gatherInputs(inputs, keywords).inputs].flat() as tf.Tensor[];
    return tf.tidy(() => {
      const { x: packed, lengths, unpack } = entrance(x, this.given, keywords);
      const state = given.length > 0 ? { states: given } : undefined;
      const result = this.decode(packed, state, { lengths, training: keywords.training === true });
      const outputs = unpack(result.logits ?? result.outputs);
      return this.returnState ? [outputs, ...result.state.states] : outputs;
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    const [batch, time] = sequenceShape(inputShape);
    const outputs = [batch, time, this.outputSize || this.featureSize];
    return this.returnState ? [outputs, ...this.stateSizes.map((size) => [batch, size])] : outputs;
  }

  override computeMask(inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor | tf.Tensor[] {
    const given = this.given.maskZero ? tf.notEqual([inputs].flat()[0], 0) : ([mask].flat()[0] ?? null);
    return (this.returnState ? [given, ...this.stateSizes.map(() => null)] : given) as tf.Tensor;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const names = [...decoderOptionNames, ...tokenOptionNames, ...stackOptionNames(this.stack.cell)];
    return { ...super.getConfig(), ...savedOptions(this.given, names) };
  }
}

/** The options of {@link LSTMDecoder}. */
export type LSTMDecoderOptions = Omit<RecurrentDecoderOptions, 'cell' | 'resetAfter'>;

/** A {@link RecurrentDecoder} of LSTM cells (Sutskever, Vinyals and Le 2014): starts from an {@link LSTMEncoder}'s states. */
export class LSTMDecoder extends RecurrentDecoder {
  /** @nocollapse */
  static override className = 'CadenzaLSTMDecoder';

  constructor(options: LSTMDecoderOptions) {
    const { cell } = options as RecurrentDecoderOptions;
    if (cell != null && cell !== 'lstm') throw new ConfigError(expected('cell of LSTMDecoder', 'lstm', cell));
    super(options, 'LSTMDecoder');
  }
}

tf.serialization.registerClass(RecurrentDecoder);
tf.serialization.registerClass(LSTMDecoder);
