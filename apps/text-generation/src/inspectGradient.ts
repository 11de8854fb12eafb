import type { RecurrentLanguageModel, State } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { tokenPieces } from './reading.js';
import { pauses, type Pause } from './turns.js';

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
  const rows: Rows = (offset, steps) => {
    const values = new Int32Array(places * steps);
    starts.forEach((start, row) => values.set(ids.subarray(start + offset, start + offset + steps), row * steps));
    return tf.tensor2d(values, [places, steps], 'int32');
  };
  const norms: number[][] = []; // [distance][state]
  const state = await contextState(model, rows, places, pause);
  try {
    for (const distance of distances) norms.push(await gradientNorms(model, state, rows, distance, pause));
  } finally {
    tf.dispose(state);
  }
  const layers = Array.from({ length: model.stateSizes.length / perLayer }, (_, layer) => ({
    hidden: norms.map((row) => row[layer * perLayer]),
    cell: perLayer === 2 ? norms.map((row) => row[layer * perLayer + 1]) : null,
  }));
  return { distances, layers, places };
}

/** Tokens of all places, [places, steps], from so many after their starts. */
type Rows = (offset: number, steps: number) => tf.Tensor2D;

/** The state of each place after its context. */
async function contextState(model: RecurrentLanguageModel, rows: Rows, places: number, pause: Pause): Promise<State> {
  let state = model.initialState(places);
  try {
    for (const [start, end] of tokenPieces(0, CONTEXT, { weights: places * model.parameterCount })) {
      await pause();
      const next = tf.tidy(() => model.forward(rows(start, end - start), state).state);
      tf.dispose(state);
      state = next;
    }
  } catch (error) {
    tf.dispose(state);
    throw error;
  }
  return state;
}

/** Backward costs about twice what forward does, which is repeated for it. */
const FORWARD_AND_BACKWARD = 3;

/**
 * For each state, the mean norm of the gradient of the prediction so many steps on. It goes back by short pieces, each of which
 * takes d loss / d state at its end to that at its beginning.
 */
async function gradientNorms(
  model: RecurrentLanguageModel,
  state: State,
  rows: Rows,
  distance: number,
  pause: Pause,
): Promise<number[]> {
  const [places] = state[0].shape;
  const weights = FORWARD_AND_BACKWARD * places * model.parameterCount;
  const pieces = [...tokenPieces(0, distance, { weights })];
  const states = [state]; // before each piece
  let gradients: tf.Tensor[] = [];
  try {
    for (const [start, end] of pieces.slice(0, -1)) {
      await pause();
      states.push(tf.tidy(() => model.forward(rows(CONTEXT + start, end - start), states.at(-1)!).state));
    }
    for (const [piece, [start, end]] of [...pieces.entries()].reverse()) {
      await pause();
      const inputs = (): tf.Tensor2D => rows(CONTEXT + start, end - start);
      const objective = (...before: tf.Tensor[]): tf.Scalar =>
        end === distance
          ? lastLoss(model, inputs(), rows(CONTEXT + distance, 1), before)
          : dotProduct(model.forward(inputs(), before).state, gradients);
      const earlier = tf.tidy(() => tf.grads(objective)(states[piece]));
      tf.dispose(gradients);
      gradients = earlier;
    }
    return gradients.map((gradient) => tf.tidy(() => tf.mean(tf.norm(gradient, 2, 1)).dataSync()[0]));
  } finally {
    tf.dispose([...states.slice(1).flat(), ...gradients]);
  }
}

/** The sum over the places, whose gradients do not touch one another, of the loss at the last step. */
function lastLoss(model: RecurrentLanguageModel, inputs: tf.Tensor2D, last: tf.Tensor2D, state: State): tf.Scalar {
  const [places, steps] = inputs.shape;
  const targets = steps === 1 ? last : tf.concat([tf.fill([places, steps - 1], -1, 'int32'), last], 1);
  return tf.mul(model.loss(inputs, targets, state).loss, places);
}

/** What has these gradients by the tensors. */
function dotProduct(tensors: readonly tf.Tensor[], gradients: readonly tf.Tensor[]): tf.Scalar {
  return tf.addN(tensors.map((tensor, index) => tf.sum<tf.Scalar>(tf.mul(tensor, gradients[index]))));
}
