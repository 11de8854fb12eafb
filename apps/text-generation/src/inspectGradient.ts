import type { RecurrentLanguageModel, State } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { pauses } from './turns.js';

/** How far back a loss reaches into a network. */
export interface GradientFlow {
  /** k: steps between the state and the loss. */
  distances: number[];
  /** By layer: the mean norm of d loss_t / d h_{t-k}, and of d loss_t / d c_{t-k} for an LSTM, for each distance. */
  layers: { hidden: number[]; cell: number[] | null }[];
  /** Over how many places of the text the means are. */
  places: number;
}

export interface GradientOptions {
  /** 1, 2, 3, 5, 8, ... up to 144 unless told. */
  distances?: readonly number[];
  /** The most places of the text to look at; 16 unless told. */
  places?: number;
}

const DISTANCES = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144];
const CONTEXT = 64;

/**
 * Measures how the gradient of one prediction fades on its way back: from states after 64 tokens of context, at places
 * spread over the text, the norm of d loss_t / d h_{t-k} for each k, where loss_t is that of the k-th prediction from there
 * and h_{t-k} is what step t-k hands on to step t-k+1 of the same layer.
 */
export async function gradientFlow(
  model: RecurrentLanguageModel,
  ids: Int32Array,
  options: GradientOptions = {},
  pause = pauses(),
): Promise<GradientFlow> {
  const distances = (options.distances ?? DISTANCES).filter((distance) => CONTEXT + distance + 1 <= ids.length);
  const perLayer = model.config.cell === 'lstm' ? 2 : 1;
  if (distances.length === 0) return { distances, layers: [], places: 0 };
  const farthest = Math.max(...distances);
  const room = ids.length - CONTEXT - farthest;
  const places = Math.max(1, Math.min(options.places ?? 16, room));
  const starts = Array.from({ length: places }, (_, place) => Math.floor((place * room) / places));
  const rows = (offset: number, steps: number): tf.Tensor2D => {
    const values = new Int32Array(places * steps);
    starts.forEach((start, row) => values.set(ids.subarray(start + offset, start + offset + steps), row * steps));
    return tf.tensor2d(values, [places, steps], 'int32');
  };
  const norms: number[][] = []; // [distance][state]
  const state: State = tf.tidy(() => model.forward(rows(0, CONTEXT), model.initialState(places)).state);
  try {
    for (const distance of distances) {
      await pause();
      norms.push(gradientNorms(model, state, rows, distance));
    }
  } finally {
    tf.dispose(state);
  }
  const layers = Array.from({ length: model.stateSizes.length / perLayer }, (_, layer) => ({
    hidden: norms.map((row) => row[layer * perLayer]),
    cell: perLayer === 2 ? norms.map((row) => row[layer * perLayer + 1]) : null,
  }));
  return { distances, layers, places };
}

/**
 * For each state, the mean norm of the gradient of the prediction so many steps on.
 *
 * @param rows tokens of all places, [places, steps], from so many after their starts
 */
function gradientNorms(
  model: RecurrentLanguageModel,
  state: State,
  rows: (offset: number, steps: number) => tf.Tensor2D,
  distance: number,
): number[] {
  const gradients = tf.tidy(() => {
    const inputs = rows(CONTEXT, distance);
    const [places] = inputs.shape;
    const last = tf.slice(rows(CONTEXT + 1, distance), [0, distance - 1], [places, 1]);
    const targets = distance === 1 ? last : tf.concat([tf.fill([places, distance - 1], -1, 'int32'), last], 1);
    // The loss is the mean over the places, whose gradients do not touch one another.
    const loss = (...states: tf.Tensor[]): tf.Scalar => tf.mul(model.loss(inputs, targets, states).loss, places);
    return tf
      .grads(loss)(state)
      .map((gradient) => tf.mean(tf.norm(gradient, 2, 1)));
  });
  const norms = gradients.map((gradient) => gradient.dataSync()[0]);
  tf.dispose(gradients);
  return norms;
}
