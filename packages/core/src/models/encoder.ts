import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, InputError, expected } from '../errors.js';
import { NestedLayer, gatherInputs, sequenceShape } from '../layers/nestedLayer.js';
import type { ApplyInputs, CallArguments, Shape } from '../layers/nestedLayer.js';
import { assertKnownOptions } from '../layers/options.js';
import { choice, positiveInteger, presentOptions, seedOf } from '../options.js';
import { RecurrentStack, stackOptionNames, type RecurrentStackOptions } from '../layers/recurrentStack.js';
import { assertRunOptions, type RunOptions, type Trace } from '../layers/sequenceLayer.js';
import { resolveInitializer, savedOptions } from '../layers/weightOptions.js';
import { Random } from '../random.js';
import type { DecoderState } from './decoder.js';
import { checkedSequence, embeddingSpec, entrance, entranceSize, tokenOptionNames, tokenSizes } from './tokens.js';
import type { TokenOptions } from './tokens.js';

const bridges = ['none', 'concat', 'dense'] as const;

/** How the encoder's final states become the decoder's first. */
export type Bridge = (typeof bridges)[number];

/** The options of {@link LSTMEncoder}: its own, and those of the stack of cells in it. */
export interface LSTMEncoderOptions
  extends
    TokenOptions,
    Omit<RecurrentStackOptions, 'cell' | 'resetAfter' | 'returnSequences' | 'returnState' | 'stateful'> {
  /**
   * `none` hands the states over as they are; `concat` joins the two directions of each layer to one state of twice the size;
   * `dense` learns a map from them to `bridgeUnits`. When absent: none for one direction, concat where every layer has
   * two, dense where only the lower ones have.
   */
  bridge?: Bridge;
  /** The decoder's size for `dense`; `units` when absent. */
  bridgeUnits?: number;
}

const encoderOptionNames = ['bridge', 'bridgeUnits'];

/** What encoding gives: all that a decoder starts from. */
export type EncodeResult = {
  /** [B, S, size]; zero rows where a sequence has ended */
  outputs: tf.Tensor3D;
  /** The bridged states, [h, c] for each layer from the lowest to the highest */
  states: tf.Tensor[];
  /** int32 [B]: as given, or found by `maskZero` */
  lengths?: tf.Tensor;
};

/**
 * Reads a source sequence of tokens or features: a deep LSTM, in one direction or two, whose outputs are the memory that a decoder
 * may attend to and whose final states, through a bridge, are where it starts (Sutskever, Vinyals and Le 2014).
 *
 *     h'_l = tanh([h_forward; h_backward] W_l + b_l)     c'_l = [c_forward; c_backward] V_l + d_l     bridge `dense`
 *
 * As a layer it returns [outputs, h, c, h, c, ...].
 */
export class LSTMEncoder extends NestedLayer {
  /** @nocollapse */
  static className = 'CadenzaLSTMEncoder';
  readonly stack: RecurrentStack;
  readonly bridge: Bridge;
  private readonly sizes: { vocabularySize: number; embeddingSize: number };
  private readonly bridgeUnits: number;
  private readonly seed: number;
  private readonly given: LSTMEncoderOptions;

  constructor(options: LSTMEncoderOptions) {
    const forStack = stackOptionNames('lstm').filter((name) => name !== 'cell');
    assertKnownOptions('LSTMEncoder', options, [...encoderOptionNames, ...tokenOptionNames, ...forStack]);
    const given = presentOptions(options);
    super(given);
    this.given = given;
    this.sizes = tokenSizes(given);
    if (given.dropout && this.sizes.vocabularySize > 0 && this.sizes.embeddingSize === 0) {
      throw new ConfigError(expected('dropout', '0 where embeddingSize is 0', given.dropout));
    }
    this.seed = seedOf(given.seed);
    const passedOn = Object.entries(given).filter(([key]) => forStack.includes(key));
    const stackOptions = Object.fromEntries(passedOn) as unknown as RecurrentStackOptions;
    this.stack = this.adopt('', new RecurrentStack({ ...stackOptions, seed: this.seed, name: `${this.name}_stack` }));
    this.bridge = this.bridgeOf(given.bridge);
    if (given.bridgeUnits !== undefined && this.bridge !== 'dense') {
      throw new ConfigError(expected('bridgeUnits', `absent for the bridge ${this.bridge}`, given.bridgeUnits));
    }
    this.bridgeUnits = positiveInteger(given.bridgeUnits ?? given.units, 'bridgeUnits');
    this.supportsMasking = true;
  }

  private bridgeOf(value: unknown): Bridge {
    const directions = this.stack.layers.map((layer) => layer.stateSizes.length / 2);
    const both = directions.filter((count) => count === 2).length;
    const fallback = both === 0 ? 'none' : both === directions.length ? 'concat' : 'dense';
    const bridge = choice(value, bridges, fallback, 'bridge');
    if (bridge === 'concat' && both !== directions.length) {
      throw new ConfigError(expected('bridge', 'none or dense where not every layer is bidirectional', bridge));
    }
    return bridge;
  }

  /** The size of one step of the outputs. */
  get outputSize(): number {
    return this.stack.outputSize;
  }

  /** The sizes of the states it hands over. */
  get stateSizes(): number[] {
    if (this.bridge === 'none') return this.stack.stateSizes;
    return this.stack.layers.flatMap((layer) => {
      const [h, c] = layer.stateSizes;
      return this.bridge === 'concat' ? [2 * h, 2 * c] : [this.bridgeUnits, this.bridgeUnits];
    });
  }

  override build(inputShape: Shape | Shape[]): void {
    const { vocabularySize, embeddingSize } = this.sizes;
    const random = (name: string): Random => new Random(this.seed).fork(name);
    if (embeddingSize > 0) this.makeWeight(embeddingSpec(vocabularySize, embeddingSize, false, random('embedding')));
    this.buildChild('', [null, null, entranceSize(this.sizes, sequenceShape(inputShape))]);
    if (this.bridge === 'dense')
      this.stack.layers.forEach((layer, index) => this.buildBridge(index, layer.stateSizes, random));
    this.built = true;
  }

  private buildBridge(index: number, stateSizes: number[], random: (name: string) => Random): void {
    const units = this.bridgeUnits;
    for (const [state, part] of [
      ['hidden', 0],
      ['cell', 1],
    ] as const) {
      const size = stateSizes.filter((_, position) => position % 2 === part).reduce((sum, width) => sum + width, 0);
      const name = `bridge.${index}.${state}`;
      const fill = resolveInitializer('glorotUniform', random(name), name);
      this.makeWeight({ name: `${name}Kernel`, shape: [size, units], fill });
      this.makeWeight({ name: `${name}Bias`, shape: [units], fill: (shape) => tf.zeros(shape) });
    }
  }

  /**
   * Runs whole sequences, ids [B, S] or features [B, S, D]. The caller owns outputs and states, and the lengths that `maskZero`
   * finds where none are given: those of the ids without the zeros, whose outputs then stand first in their row.
   */
  encode(x: tf.Tensor, options: Omit<RunOptions, 'table'> = {}): EncodeResult {
    if (!this.built)
      throw new InputError(`Expected ${this.name} to be built before it encodes; call build([null, null, D])`);
    assertRunOptions(`encode of ${this.name}`, options, ['table']);
    return tf.tidy(() => {
      const { x: features, lengths } = checkedSequence(x, this.given, options.lengths);
      const { outputs, states } = this.stack.run(features, { ...options, lengths, table: this.weight('embedding') });
      return { outputs, states: this.bridged(states), lengths };
    });
  }

  /** Runs whole sequences and returns where a decoder starts from, the outputs with it for attention. */
  start(x: tf.Tensor, options: Omit<RunOptions, 'table'> = {}): DecoderState {
    const { outputs, states, lengths } = this.encode(x, options);
    return { states, encoderOutputs: outputs, encoderLengths: lengths };
  }

  /**
   * The gates, cells and hidden states of every layer and direction at every step, each [B, S, H], the steps placed as in the outputs
   * of {@link encode}. Beyond a row's length they are zero, but for the cells, which stay what they were.
   */
  traceGates(x: tf.Tensor, options: Omit<RunOptions, 'table'> = {}): Trace[] {
    assertRunOptions(`traceGates of ${this.name}`, options, ['table']);
    return tf.tidy(() => {
      const { x: features, lengths } = checkedSequence(x, this.given, options.lengths);
      return this.stack.traceGates(features, { ...options, lengths, table: this.weight('embedding') });
    });
  }

  private bridged(states: tf.Tensor2D[]): tf.Tensor2D[] {
    if (this.bridge === 'none') return states;
    let used = 0;
    return this.stack.layers.flatMap((layer, index) => {
      const own = states.slice(used, (used += layer.stateSizes.length));
      const h = tf.concat(
        own.filter((_, position) => position % 2 === 0),
        1,
      ); // [B, H or 2H]
      const c = tf.concat(
        own.filter((_, position) => position % 2 === 1),
        1,
      );
      if (this.bridge === 'concat') return [h, c];
      return [tf.tanh(this.dense(h, `bridge.${index}.hidden`)), this.dense(c, `bridge.${index}.cell`)];
    });
  }

  private dense(x: tf.Tensor2D, name: string): tf.Tensor2D {
    return tf.add(tf.matMul(x, this.weight(`${name}Kernel`) as tf.Tensor as tf.Tensor2D), this.weight(`${name}Bias`)!);
  }

  override apply(inputs: ApplyInputs, keywords?: CallArguments) {
    const gathered = gatherInputs<unknown>(inputs, keywords);
    return super.apply(gathered.inputs as tf.Tensor[], gathered.keywords);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], keywords: CallArguments = {}): tf.Tensor[] {
    this.invokeCallHook(inputs, keywords);
    const [x, ...given] = [gatherInputs(inputs, keywords).inputs].flat() as tf.Tensor[];
    return tf.tidy(() => {
      const { x: packed, lengths, unpack } = entrance(x, this.given, keywords);
      const initialState = given.length > 0 ? given : undefined;
      const result = this.encode(packed, { initialState, lengths, training: keywords.training === true });
      return [unpack(result.outputs), ...result.states];
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    const [batch, time] = sequenceShape(inputShape);
    return [[batch, time, this.outputSize], ...this.stateSizes.map((size) => [batch, size])];
  }

  override computeMask(inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor | tf.Tensor[] {
    const given = this.given.maskZero ? tf.notEqual([inputs].flat()[0], 0) : ([mask].flat()[0] ?? null);
    return [given, ...this.stateSizes.map(() => null)] as tf.Tensor[];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const names = [...encoderOptionNames, ...tokenOptionNames, ...stackOptionNames('lstm')];
    return { ...super.getConfig(), ...savedOptions(this.given, names) };
  }
}

tf.serialization.registerClass(LSTMEncoder);
