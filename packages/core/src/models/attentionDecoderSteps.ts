import * as tf from '@tensorflow/tfjs-core';
import { InputError, expected } from '../errors.js';
import type { AttendOptions, Attention, AttentionMemory } from '../layers/attention.js';
import type { LSTM } from '../layers/lstm.js';
import { Random } from '../random.js';
import type { AttentionDecoderDropout, Masks } from './attentionDecoderDropout.js';
import type { ResolvedAttentionDecoder } from './attentionDecoderOptions.js';
import { mapMemory, type AttentionDecodeOptions, type AttentionDecoderState } from './attentionDecoderState.js';

/** What one stretch of steps gives; steps and whole sequences are the same to it. */
export type Stretch = {
  /** [B, T, R] */
  readouts: tf.Tensor3D;
  /** [B, T, S] of each attention */
  weights: tf.Tensor3D[];
  states: tf.Tensor2D[];
  overlap?: tf.Tensor2D;
};

/** What an AttentionDecoder computes from embedded tokens to readouts; its equations stand there. */
export class AttentionDecoderSteps {
  constructor(
    private readonly options: ResolvedAttentionDecoder,
    private readonly lstms: readonly LSTM[],
    private readonly attentions: readonly Attention[],
    private readonly dropout: AttentionDecoderDropout,
    private readonly weight: (name: string) => tf.Variable | undefined,
  ) {}

  /** Which attention belongs to a layer; undefined where it has none. */
  attentionOf(layer: number): number | undefined {
    const first = this.lstms.length - this.attentions.length;
    return layer >= first ? layer - first : undefined;
  }

  /** Runs embedded tokens [B, T, E] from a state, one step at a time where something is fed back. */
  run(
    embedded: tf.Tensor3D,
    state: AttentionDecoderState,
    options: AttentionDecodeOptions,
    masks: Masks | undefined,
  ): Stretch {
    const { inputFeeding, coverage } = this.options;
    if (inputFeeding || coverage) return this.stepByStep(embedded, state, options, masks);
    return this.stretch(embedded, state.states, state.memories, options, masks);
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
    const maskOfStep = this.dropout.ofSteps(masks);
    stepsOf(embedded).forEach((x, t) => {
      const lengths = options.lengths && tf.cast(tf.clipByValue(tf.sub(options.lengths, t), 0, 1), 'int32');
      const step = this.stretch(x, states, state.memories, { ...options, lengths }, maskOfStep());
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

  /** Runs a stretch of embedded steps [B, T, E]; a single one where something is fed back. */
  private stretch(
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
        below = this.dropout.drop(
          context ? concat([hidden, context]) : hidden,
          'betweenDropout',
          masks?.between[index],
        );
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
      const repeated = mapMemory(memory, (tensor) => repeatRows(tensor, beams));
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
    const joined = concat(parts); // [B, T, H + C (+ E)], with several heads A in place of C
    const [batch, time, size] = joined.shape;
    const kernel = this.weight('readout.kernel') as tf.Tensor as tf.Tensor2D;
    const rows = tf.matMul(tf.reshape(joined, [batch * time, size]) as tf.Tensor2D, kernel);
    return tf.reshape(tf.tanh(tf.add(rows, this.weight('readout.bias')!)), [batch, time, this.options.readoutSize]);
  }
}

/** What a step fed back, but in rows that had ended before it, whose lengths are 0: those keep what they had. */
function carried(next: tf.Tensor2D[], before: readonly tf.Tensor2D[], lengths: tf.Tensor | undefined): tf.Tensor2D[] {
  if (!lengths) return next;
  const goesOn = tf.expandDims(tf.cast(lengths, 'bool'), 1); // [B, 1]
  return next.map((state, index) => tf.where(goesOn, state, before[index]));
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

/** [B, T, E] -> T times [B, 1, E]. A single step is not split, since that has no gradient. */
function stepsOf(embedded: tf.Tensor3D): tf.Tensor3D[] {
  const steps = embedded.shape[1];
  return steps === 1 ? [embedded] : tf.split(embedded, steps, 1);
}
