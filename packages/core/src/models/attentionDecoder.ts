import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { InputError, expected } from '../errors.js';
import { Attention, secondMask } from '../layers/attention.js';
import { LSTM } from '../layers/lstm.js';
import { packMasked, zeroPadding } from '../layers/masks.js';
import { maskInput } from '../layers/memoryMask.js';
import { NestedLayer, gatherInputs, type ApplyInputs, type CallArguments, type Shape } from '../layers/nestedLayer.js';
import { refuseUnknown } from '../options.js';
import { resolveInitializer, savedOptions } from '../layers/weightOptions.js';
import { embeddingLookup } from '../ops/index.js';
import { Random } from '../random.js';
import { assertShape } from '../shapes.js';
import { AttentionDecoderDropout } from './attentionDecoderDropout.js';
import {
  attentionDecoderOptionNames,
  resolveAttentionDecoder,
  type AttentionDecoderOptions,
  type ResolvedAttentionDecoder,
} from './attentionDecoderOptions.js';
import type { AttentionDecodeOptions, AttentionDecodeResult, AttentionDecoderState } from './attentionDecoderState.js';
import { AttentionDecoderSteps } from './attentionDecoderSteps.js';
import { embeddingSpec } from './tokens.js';

const decodeOptionNames: readonly (keyof AttentionDecodeOptions)[] = [
  ...(['lengths', 'training', 'random', 'table', 'needWeightsGradient'] as const),
];

/**
 * A deep LSTM decoder with attention. Layer l reads what the layer below put out and, where that one attends, the context it
 * found; the readout joins the highest layer's output with its context, and the logits are made of the readout:
 *
 *     h^0 = LSTM^0(e_t)                    h^l = LSTM^l([h^{l-1}; c^{l-1}])            c^l_t = attention^l(h^l_t, memory)
 *     r_t = tanh([h^L_t; c^L_t (; e_t)] W_r + b_r)                    logits_t = r_t W_o + b_o
 *
 * The readout is the attentional vector of Luong, Pham and Manning 2015 (equation 5), with `deepOutput` the deep output of Bahdanau,
 * Cho and Bengio 2015. With attention at `every` layer the higher layers remember where the lower ones looked, as in the
 * conditional recurrence of Sennrich et al. 2017 (Nematus), yet all steps of a layer are one operation. `inputFeeding` (Luong,
 * section 3.3) adds r_{t-1} to e_t, and `coverage` (See, Liu and Manning 2017) the sum of the weights so far to the scores: both
 * make it go step by step.
 *
 * `decode` (teacher forcing) and `step` use the same weights and give the same logits.
 */
export class AttentionDecoder extends NestedLayer {
  /** @nocollapse */
  static className = 'CadenzaAttentionDecoder';
  readonly options: ResolvedAttentionDecoder;
  readonly lstms: LSTM[];
  /** One for each layer that attends. */
  readonly attentions: Attention[];
  private readonly dropout: AttentionDecoderDropout;
  private readonly steps: AttentionDecoderSteps;
  private readonly random: Random;
  private readonly given: AttentionDecoderOptions;

  constructor(options: AttentionDecoderOptions) {
    const resolved = resolveAttentionDecoder(options);
    super(options);
    this.given = options;
    this.options = resolved;
    this.random = new Random(resolved.seed);
    const seedFor = (name: string): number => new Random(resolved.seed).fork(name).nextUint32();
    const {
      units,
      layerNorm,
      recurrentDropout,
      weightDropout,
      layers,
      score,
      attend,
      coverage,
      attentionUnits,
      heads,
    } = resolved;
    this.lstms = Array.from({ length: layers }, (_, index) => {
      const name = `layers.${index}`;
      const cell = { units, layerNorm, recurrentDropout, weightDropout, returnSequences: true, seed: seedFor(name) };
      return this.adopt(name, new LSTM({ ...cell, name: `${this.name}_${index}` }));
    });
    const attending = score === 'none' ? [] : attend === 'every' ? this.lstms.map((_, index) => index) : [layers - 1];
    this.attentions = attending.map((index) => {
      const name = `attention.${index}`;
      const sizes = score === 'additive' ? { units: attentionUnits ?? units } : {};
      const layer = new Attention({ score: score as 'dot', coverage, heads, ...sizes, seed: seedFor(name) });
      return this.adopt(name, layer);
    });
    this.dropout = new AttentionDecoderDropout(resolved);
    const weight = (name: string): tf.Variable | undefined => this.weight(name);
    this.steps = new AttentionDecoderSteps(resolved, this.lstms, this.attentions, this.dropout, weight);
  }

  /** The sizes of the states that do not depend on the source: [h, c] of each layer, then the readout where it is fed back. */
  get stateSizes(): number[] {
    const { units, inputFeeding, readoutSize } = this.options;
    return [...this.lstms.flatMap(() => [units, units]), ...(inputFeeding ? [readoutSize] : [])];
  }

  /** Makes the weights, for a memory of rows of C: the input shape is [[B, T], [B, S, C]]. */
  override build(inputShape: Shape | Shape[]): void {
    const memory = (inputShape as Shape[])[1];
    const C = Array.isArray(memory) ? memory[2] : null;
    if (C == null) throw new InputError(expected('the input shape', '[[B, T], [B, S, C]]', inputShape));
    const { vocabularySize, embeddingSize: E, units, tieWeights, sharedEmbedding, inputFeeding } = this.options;
    const { readoutSize, deepOutput, seed } = this.options;
    const random = (name: string): Random => new Random(seed).fork(name);
    if (!sharedEmbedding) this.makeWeight(embeddingSpec(vocabularySize, E, tieWeights, random('embedding')));
    const contextSize = this.attentions[0]?.contextSize(units, C) ?? 0;
    this.lstms.forEach((_, index) => {
      const below = index > 0 && this.steps.attentionOf(index - 1) !== undefined ? contextSize : 0;
      this.buildChild(`layers.${index}`, [
        null,
        null,
        index > 0 ? units + below : E + (inputFeeding ? readoutSize : 0),
      ]);
      if (this.steps.attentionOf(index) !== undefined) this.buildAttention(index, C);
    });
    const dense = (name: string, shape: number[]): void =>
      this.makeWeight({ name, shape, fill: resolveInitializer('glorotUniform', random(name), name) });
    dense('readout.kernel', [units + contextSize + (deepOutput ? E : 0), readoutSize]);
    this.makeWeight({ name: 'readout.bias', shape: [readoutSize], fill: (shape) => tf.zeros(shape) });
    if (!tieWeights) dense('output.kernel', [readoutSize, vocabularySize]);
    this.makeWeight({ name: 'output.bias', shape: [vocabularySize], fill: (shape) => tf.zeros(shape) });
    this.built = true;
  }

  private buildAttention(index: number, memorySize: number): void {
    const shape: Shape[] = [
      [null, null, this.options.units],
      [null, null, memorySize],
    ];
    this.buildChild(`attention.${index}`, shape as unknown as Shape);
  }

  /**
   * Where decoding starts: the layers' states [h, c, h, c, ...] (zeros when absent), and the encoder's outputs [B, S, C], whose keys
   * are computed here once. The caller owns what is new in it, see `disposeState`.
   */
  start(encoderOutputs: tf.Tensor3D, states?: tf.Tensor[], lengths?: tf.Tensor): AttentionDecoderState {
    const [batch, source] = encoderOutputs.shape;
    const own = 2 * this.lstms.length;
    if (states && states.length !== own) {
      throw new InputError(expected(`the initial state of ${this.name}`, `${own} tensors`, states.length));
    }
    return tf.tidy(() => {
      const first = states ? states.map((state) => tf.clone(state) as tf.Tensor2D) : [];
      for (const size of this.stateSizes.slice(first.length)) first.push(tf.zeros([batch, size]));
      if (this.options.coverage) for (const _ of this.attentions) first.push(tf.zeros([batch, source]));
      const memories = Attention.rememberAll(this.attentions, encoderOutputs, lengths);
      return { states: first, memories };
    });
  }

  /** Runs target ids [B, T] from a state, every step predicting the next token. The caller owns the result. */
  decode(ids: tf.Tensor, state: AttentionDecoderState, options: AttentionDecodeOptions = {}): AttentionDecodeResult {
    if (!this.built) throw new InputError(`Expected ${this.name} to be built before it decodes; call build(...)`);
    refuseUnknown(`decode of ${this.name}`, options, decodeOptionNames);
    const { B, T } = assertShape(ids, ['B', 'T'], 'ids');
    if (T === 0) throw new InputError('Expected ids to have at least one step, got none', { code: 'SHAPE' });
    return tf.tidy(() => {
      const { training, random = this.random } = options;
      const own = options.table ?? this.weight('embedding');
      if (!own) throw new InputError(expected('table', 'the shared embedding', undefined));
      const table = training ? this.dropout.table(own, random) : own;
      const masks = training ? this.dropout.draw(random) : undefined;
      const read = zeroPadding(tf.cast(ids, 'int32'), options.lengths);
      const found = embeddingLookup(table, read) as tf.Tensor3D; // [B, T, E]
      const embedded = this.dropout.drop(found, 'dropout', masks?.input);
      const stretch = this.steps.run(embedded, state, options, masks);
      const readouts = this.dropout.drop(stretch.readouts, 'outputDropout', masks?.output);
      const logits = tf.reshape(this.logits(readouts, options.table), [
        B,
        T,
        this.options.vocabularySize,
      ]) as tf.Tensor3D;
      const { weights, overlap } = stretch;
      return { readouts, logits, weights, overlap, state: { states: stretch.states, memories: state.memories } };
    });
  }

  /**
   * Runs one step, ids [R]: the logits [R, V] and the attentions' weights [R, S]. R may be a multiple K of the memory's rows B, K
   * hypotheses of each sentence next to each other: they share its memory.
   */
  step(ids: tf.Tensor, state: AttentionDecoderState, options: Pick<AttentionDecodeOptions, 'table'> = {}) {
    return tf.tidy(() => {
      const result = this.decode(tf.expandDims(ids, 1), state, options);
      return {
        logits: tf.squeeze(result.logits, [1]) as tf.Tensor2D,
        weights: result.weights.map((weights) => tf.squeeze(weights, [1]) as tf.Tensor2D),
        state: result.state,
      };
    });
  }

  /** [B * T, V] */
  private logits(readouts: tf.Tensor3D, table: tf.Tensor | undefined): tf.Tensor2D {
    const { readoutSize, tieWeights } = this.options;
    const rows = tf.reshape(readouts, [readouts.size / readoutSize, readoutSize]) as tf.Tensor2D;
    const kernel = tieWeights ? (table ?? this.weight('embedding')!) : this.weight('output.kernel')!;
    return tf.add(tf.matMul(rows, kernel as tf.Tensor2D, false, tieWeights), this.weight('output.bias')!);
  }

  override apply(inputs: ApplyInputs, keywords?: CallArguments) {
    const gathered = gatherInputs<unknown>(inputs, keywords);
    const given = [gathered.inputs].flat();
    const [, memory] = given;
    if (memory instanceof tfl.SymbolicTensor && !hasMask(given)) given.push(maskInput(memory));
    return super.apply(given as tf.Tensor[], gathered.keywords);
  }

  /**
   * As a layer: [ids, memory [B, S, C], ...states] to logits [B, T, V]. In a model of layers the memory's mask comes with it; a call with
   * tensors takes it as the second of two, `{mask: [null, mask]}`.
   */
  override call(inputs: tf.Tensor | tf.Tensor[], keywords: CallArguments = {}): tf.Tensor {
    this.invokeCallHook(inputs, keywords);
    const [ids, memory, ...states] = gatherInputs(inputs, keywords).inputs as tf.Tensor[];
    const mask = hasMask([ids, memory, ...states]) ? states.pop() : secondMask(keywords);
    return tf.tidy(() => {
      const { x, lengths } = packMasked(memory, mask);
      const state = this.start(x as tf.Tensor3D, states.length > 0 ? states : undefined, lengths);
      return this.decode(ids, state, { training: keywords.training === true }).logits;
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, time] = (inputShape as Shape[])[0];
    return [batch, time, this.options.vocabularySize];
  }

  override computeMask(_inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return ([mask].flat()[0] ?? null) as tf.Tensor;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...savedOptions(this.given, attentionDecoderOptionNames) };
  }
}

/** Whether a memory's mask stands after the states, of which every LSTM has two. */
function hasMask(inputs: readonly unknown[]): boolean {
  return inputs.length % 2 === 1;
}

tf.serialization.registerClass(AttentionDecoder);
