import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { InputError, expected } from '../errors.js';
import { Attention, secondMask, type AttendOptions, type AttentionMemory } from '../layers/attention.js';
import { LSTM } from '../layers/lstm.js';
import { packMasked } from '../layers/masks.js';
import { maskInput } from '../layers/memoryMask.js';
import { NestedLayer, gatherInputs, type ApplyInputs, type CallArguments, type Shape } from '../layers/nestedLayer.js';
import { resolveInitializer, savedOptions } from '../layers/weightOptions.js';
import { dropout, dropoutMask, embeddingLookup } from '../ops/index.js';
import { Random } from '../random.js';
import { assertShape } from '../shapes.js';
import {
  attentionDecoderOptionNames,
  resolveAttentionDecoder,
  type AttentionDecoderOptions,
  type ResolvedAttentionDecoder,
} from './attentionDecoderOptions.js';
import { embeddingSpec } from './tokens.js';

/** What an {@link AttentionDecoder} carries from step to step. */
export type AttentionDecoderState = {
  /** One tensor [B, ...] for each of `stateSizes`, then, with coverage, one [B, S] for each attention. */
  states: tf.Tensor2D[];
  /** What each attention looks at; none where the decoder has none. Never changes while decoding. */
  memories: AttentionMemory[];
};

/** What decoding gives. */
export type AttentionDecodeResult = {
  /** [B, T, R], what the logits are made of */
  readouts: tf.Tensor3D;
  /** [B, T, V] */
  logits: tf.Tensor3D;
  /** [B, T, S] of each attention, the lowest first; constants to gradients unless `needWeightsGradient` or coverage */
  weights: tf.Tensor3D[];
  state: AttentionDecoderState;
  /** [B, T], with coverage: sum_s min(weights_ts, coverage_ts), added over the attentions */
  overlap?: tf.Tensor2D;
};

export interface AttentionDecodeOptions {
  /** int32 [B]: target steps from there on carry the state. */
  lengths?: tf.Tensor;
  /** Whether dropout acts. */
  training?: boolean;
  random?: Random;
  /** An embedding [V, E] that stands in for the decoder's own, for one that is shared. */
  table?: tf.Tensor;
  /** Let gradients flow through the attentions' weights too, for a loss on them such as guided alignment. */
  needWeightsGradient?: boolean;
}

/** The drop-outs of one call, drawn once so that single steps and whole sequences mask alike. */
interface Masks {
  input: [number, number];
  between: [number, number][];
  output: [number, number];
  layers: Random[];
}

/** What one stretch of steps gives; steps and whole sequences are the same to it. */
type Stretch = {
  readouts: tf.Tensor3D;
  weights: tf.Tensor3D[];
  states: tf.Tensor2D[];
  overlap?: tf.Tensor2D;
};

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
  private readonly random: Random;
  private readonly given: AttentionDecoderOptions;

  constructor(options: AttentionDecoderOptions) {
    const resolved = resolveAttentionDecoder(options);
    super(options);
    this.given = options;
    this.options = resolved;
    this.random = new Random(resolved.seed);
    const seedFor = (name: string): number => new Random(resolved.seed).fork(name).nextUint32();
    const { units, layerNorm, recurrentDropout, weightDropout, layers, score, attend, coverage, attentionUnits } =
      resolved;
    this.lstms = Array.from({ length: layers }, (_, index) => {
      const name = `layers.${index}`;
      const cell = { units, layerNorm, recurrentDropout, weightDropout, returnSequences: true, seed: seedFor(name) };
      return this.adopt(name, new LSTM({ ...cell, name: `${this.name}_${index}` }));
    });
    const attending = score === 'none' ? [] : attend === 'every' ? this.lstms.map((_, index) => index) : [layers - 1];
    this.attentions = attending.map((index) => {
      const name = `attention.${index}`;
      const sizes = score === 'additive' ? { units: attentionUnits ?? units } : {};
      const layer = new Attention({ score: score as 'dot', coverage, ...sizes, seed: seedFor(name) });
      return this.adopt(name, layer);
    });
  }

  /** The sizes of the states that do not depend on the source: [h, c] of each layer, then the readout where it is fed back. */
  get stateSizes(): number[] {
    const { units, inputFeeding, readoutSize } = this.options;
    return [...this.lstms.flatMap(() => [units, units]), ...(inputFeeding ? [readoutSize] : [])];
  }

  private get stepwise(): boolean {
    return this.options.inputFeeding || this.options.coverage;
  }

  /** Which attention belongs to a layer; undefined where it has none. */
  private attentionOf(layer: number): number | undefined {
    const first = this.lstms.length - this.attentions.length;
    return layer >= first ? layer - first : undefined;
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
    const contextSize = this.attentions.length > 0 ? C : 0;
    this.lstms.forEach((_, index) => {
      const below = index > 0 && this.attentionOf(index - 1) !== undefined ? C : 0;
      this.buildChild(`layers.${index}`, [
        null,
        null,
        index > 0 ? units + below : E + (inputFeeding ? readoutSize : 0),
      ]);
      if (this.attentionOf(index) !== undefined) this.buildAttention(index, C);
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
   * are computed here once. The caller owns what is new in it, see {@link disposeState}.
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
      const memories = this.attentions.map((layer) => layer.remember(encoderOutputs, lengths));
      return { states: first, memories };
    });
  }

  /** Runs target ids [B, T] from a state, every step predicting the next token. The caller owns the result. */
  decode(ids: tf.Tensor, state: AttentionDecoderState, options: AttentionDecodeOptions = {}): AttentionDecodeResult {
    if (!this.built) throw new InputError(`Expected ${this.name} to be built before it decodes; call build(...)`);
    const { B, T } = assertShape(ids, ['B', 'T'], 'ids');
    return tf.tidy(() => {
      const table = this.droppedTable(options);
      const masks = this.drawMasks(options);
      const embedded = this.drop(embeddingLookup(table, tf.cast(ids, 'int32')) as tf.Tensor3D, 'dropout', masks?.input); // [B, T, E]
      const stretch = this.stepwise
        ? this.stepByStep(embedded, state, options, masks)
        : this.run(embedded, state.states, state.memories, options, masks);
      const readouts = this.drop(stretch.readouts, 'outputDropout', masks?.output);
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

  private stepByStep(
    embedded: tf.Tensor3D,
    state: AttentionDecoderState,
    options: AttentionDecodeOptions,
    masks: Masks | undefined,
  ): Stretch {
    const readouts: tf.Tensor3D[] = [];
    const weights: tf.Tensor3D[][] = this.attentions.map(() => []);
    const overlaps: tf.Tensor2D[] = [];
    let { states } = state;
    const maskOfStep = this.stepMasks(masks);
    tf.unstack(embedded, 1).forEach((row, t) => {
      const x = tf.expandDims(row, 1) as tf.Tensor3D; // [B, 1, E]
      const lengths = options.lengths && tf.cast(tf.clipByValue(tf.sub(options.lengths, t), 0, 1), 'int32');
      const step = this.run(x, states, state.memories, { ...options, lengths }, maskOfStep());
      readouts.push(step.readouts);
      step.weights.forEach((found, index) => weights[index].push(found));
      if (step.overlap) overlaps.push(step.overlap);
      states = step.states;
    });
    return {
      readouts: tf.concat(readouts, 1),
      weights: weights.map((steps) => tf.concat(steps, 1)),
      states,
      overlap: overlaps.length > 0 ? tf.concat(overlaps, 1) : undefined,
    };
  }

  /** Runs a stretch of embedded steps [B, T, E]; one step at a time where something is fed back. */
  private run(
    embedded: tf.Tensor3D,
    states: readonly tf.Tensor2D[],
    memories: readonly AttentionMemory[],
    { lengths, needWeightsGradient }: AttentionDecodeOptions,
    masks: Masks | undefined,
  ): Stretch {
    const { inputFeeding, residual, deepOutput, coverage } = this.options;
    const own = 2 * this.lstms.length;
    const coverages = coverage ? states.slice(own + (inputFeeding ? 1 : 0)) : [];
    const next: tf.Tensor2D[] = [];
    const weights: tf.Tensor3D[] = [];
    const overlaps: tf.Tensor2D[] = [];
    const covered: tf.Tensor2D[] = [];
    let below: tf.Tensor3D = inputFeeding ? concat([embedded, tf.expandDims(states[own], 1) as tf.Tensor3D]) : embedded;
    let context: tf.Tensor3D | undefined;
    let hidden = embedded; // what the layer below put out, [B, T, H]
    this.lstms.forEach((lstm, index) => {
      if (index > 0)
        below = this.drop(context ? concat([hidden, context]) : hidden, 'betweenDropout', masks?.between[index]);
      const random = masks && Random.from(masks.layers[index].state());
      const initialState = states.slice(2 * index, 2 * index + 2);
      const result = lstm.run(below, { initialState, lengths, training: masks !== undefined, random });
      hidden = residual && index > 0 ? (tf.add(result.outputs, hidden) as tf.Tensor3D) : result.outputs; // [B, T, H]
      next.push(...result.states);
      const attention = this.attentionOf(index);
      if (attention === undefined) return;
      const look = { coverage: coverages[attention], needWeightsGradient };
      const found = this.attendTo(attention, hidden, memories[attention], look);
      context = found.context;
      weights.push(found.weights);
      if (coverage) {
        const row = tf.squeeze(found.weights, [1]) as tf.Tensor2D; // [B, S]
        overlaps.push(tf.sum(tf.minimum(row, coverages[attention]), 1, true));
        covered.push(tf.add(row, coverages[attention]));
      }
    });
    const readouts = this.readout([hidden, ...(context ? [context] : []), ...(deepOutput ? [embedded] : [])]);
    const fedBack = [...(inputFeeding ? [tf.squeeze(readouts, [1]) as tf.Tensor2D] : []), ...covered];
    return {
      readouts,
      weights,
      states: [...next, ...carried(fedBack, states.slice(own), lengths)],
      overlap: overlaps.length > 0 ? tf.addN(overlaps) : undefined,
    };
  }

  /** Looks queries up; K hypotheses of a sentence, R = B K rows of one step, are K queries to its memory. */
  private attendTo(
    index: number,
    query: tf.Tensor3D,
    memory: AttentionMemory,
    { coverage, ...options }: AttendOptions & { coverage?: tf.Tensor2D },
  ) {
    const [rows, time, size] = query.shape;
    const batch = memory.values.shape[0];
    const beams = rows / batch;
    if (beams === 1) return this.attentions[index].attend(query, memory, coverage, options);
    if (!Number.isInteger(beams) || time !== 1) {
      throw new InputError(expected('the rows of a step', `a multiple of the ${batch} sentences`, rows));
    }
    if (coverage) {
      // Every hypothesis has a coverage of its own, hence keys of its own.
      const repeat = <T extends tf.Tensor>(tensor: T): T => repeatRows(tensor, beams);
      const { values, keys, lengths } = memory;
      const repeated = { values: repeat(values), keys: repeat(keys), lengths: lengths && repeat(lengths) };
      return this.attentions[index].attend(query, repeated, coverage, options);
    }
    const queries = tf.reshape(query, [batch, beams, size]) as tf.Tensor3D;
    const found = this.attentions[index].attend(queries, memory, undefined, options);
    return {
      context: tf.reshape(found.context, [rows, 1, found.context.shape[2]]) as tf.Tensor3D,
      weights: tf.reshape(found.weights, [rows, 1, found.weights.shape[2]]) as tf.Tensor3D,
    };
  }

  private readout(parts: tf.Tensor3D[]): tf.Tensor3D {
    const joined = concat(parts); // [B, T, H + C (+ E)]
    const [batch, time, size] = joined.shape;
    const kernel = this.weight('readout.kernel') as tf.Tensor as tf.Tensor2D;
    const rows = tf.matMul(tf.reshape(joined, [batch * time, size]) as tf.Tensor2D, kernel);
    return tf.reshape(tf.tanh(tf.add(rows, this.weight('readout.bias')!)), [batch, time, this.options.readoutSize]);
  }

  /** [B * T, V] */
  private logits(readouts: tf.Tensor3D, table: tf.Tensor | undefined): tf.Tensor2D {
    const { readoutSize, tieWeights } = this.options;
    const rows = tf.reshape(readouts, [readouts.size / readoutSize, readoutSize]) as tf.Tensor2D;
    const kernel = tieWeights ? (table ?? this.weight('embedding')!) : this.weight('output.kernel')!;
    return tf.add(tf.matMul(rows, kernel as tf.Tensor2D, false, tieWeights), this.weight('output.bias')!);
  }

  private droppedTable({ training, random, table }: AttentionDecodeOptions): tf.Tensor {
    const own = table ?? this.weight('embedding');
    if (!own) throw new InputError(expected('table', 'the shared embedding', undefined));
    const { embeddingDropout } = this.options;
    if (!training || embeddingDropout === 0) return own;
    const seed = (random ?? this.random).seedPair();
    return tf.mul(own, dropoutMask([own.shape[0], 1], { rate: embeddingDropout, seed })); // [V, E]
  }

  private drawMasks({ training, random = this.random }: AttentionDecodeOptions): Masks | undefined {
    if (!training) return undefined;
    return {
      input: random.seedPair(),
      between: this.lstms.map(() => random.seedPair()),
      output: random.seedPair(),
      layers: this.lstms.map(() => new Random(random.nextUint32())),
    };
  }

  /** The masks of one step after the other: unless dropout is variational, each step has its own between layers. */
  private stepMasks(masks: Masks | undefined): () => Masks | undefined {
    if (!masks || this.options.variational) return () => masks;
    const randoms = masks.between.map(([seed]) => new Random(seed));
    return () => ({ ...masks, between: randoms.map((random) => random.seedPair()) });
  }

  private drop(
    features: tf.Tensor3D,
    which: 'dropout' | 'betweenDropout' | 'outputDropout',
    seed: [number, number] | undefined,
  ): tf.Tensor3D {
    const rate = this.options[which];
    if (!seed || rate === 0) return features;
    return dropout(features, { rate, seed, locked: this.options.variational });
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

/** What a step fed back, but in rows that had ended before it, whose lengths are 0: those keep what they had. */
function carried(next: tf.Tensor2D[], before: readonly tf.Tensor2D[], lengths: tf.Tensor | undefined): tf.Tensor2D[] {
  if (!lengths) return next;
  const goesOn = tf.expandDims(tf.cast(lengths, 'bool'), 1); // [B, 1]
  return next.map((state, index) => tf.where(goesOn, state, before[index]));
}

/** Whether a memory's mask stands after the states, of which every LSTM has two. */
function hasMask(inputs: readonly unknown[]): boolean {
  return inputs.length % 2 === 1;
}

function concat(parts: tf.Tensor3D[]): tf.Tensor3D {
  return parts.length === 1 ? parts[0] : tf.concat(parts, 2);
}

/** Every row so many times in a row: [B, ...] to [B K, ...]. */
function repeatRows<T extends tf.Tensor>(tensor: T, times: number): T {
  const [batch, ...rest] = tensor.shape;
  const one = tf.expandDims(tensor, 1);
  const tiled = tf.tile(one, [1, times, ...rest.map(() => 1)]);
  return tf.reshape(tiled, [batch * times, ...rest]) as T;
}

/** Frees a state's own tensors: its states and the attentions' keys, not the encoder's outputs and lengths. */
export function disposeState(state: AttentionDecoderState): void {
  tf.dispose(state.states);
  for (const { keys, values } of state.memories) if (keys !== values) keys.dispose();
}

tf.serialization.registerClass(AttentionDecoder);
