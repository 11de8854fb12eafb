import type { RecurrentLanguageModel, State } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { tokenPieces } from './reading.js';
import { pauses } from './turns.js';

/** What one layer did at each step of a text: by name, values [T, size], row-major. */
export interface LayerTrace {
  size: number;
  /** Of `i f g o c h` for an LSTM, `z r n h` for a GRU, `h` for an RNN; h is left out where a projection changes its size. */
  quantities: Map<string, Float32Array>;
}

/** What a model thought of a text. */
export interface TextTrace {
  layers: LayerTrace[];
  /** [T] -log p of each token, in nats. */
  surprises: Float32Array;
  /** For each token the likeliest ones in its place, with their probabilities. */
  expected: { id: number; probability: number }[][];
}

const CHUNK = 128;
const EXPECTED = 5;

/**
 * Reads ids [T + 1], of which the first is given, and keeps everything that happens while the model predicts the other T
 * and reads them: `surprises[t]` is of ids[t + 1], and the gates at t are those of reading it.
 */
export async function traceText(model: RecurrentLanguageModel, ids: Int32Array, pause = pauses()): Promise<TextTrace> {
  const steps = ids.length - 1;
  const trace: TextTrace = { layers: [], surprises: new Float32Array(steps), expected: [] };
  // The first token is read for what it lets expect only.
  let state = model.initialState(1);
  try {
    let logits = read(model, ids.subarray(0, 1), state, (result) => (state = result.state));
    const pieces = tokenPieces(1, ids.length, { weights: model.parameterCount, chunkLength: CHUNK });
    for (const [start, end] of pieces) {
      await pause();
      const piece = ids.subarray(start, end);
      tracePiece(model, piece, 1, state, (layer, name, size, values) => {
        const target = (trace.layers[layer] ??= { size, quantities: new Map() });
        if (size !== target.size) return;
        if (!target.quantities.has(name)) target.quantities.set(name, new Float32Array(steps * size));
        target.quantities.get(name)!.set(values, (start - 1) * size);
      });
      const next = read(model, piece, state, (result) => (state = result.state));
      judge(trace, piece, start - 1, logits, next);
      logits = next;
    }
  } finally {
    tf.dispose(state);
  }
  return trace;
}

/** What the model thought of ids, the first of which is the text's at `start`, given its logits before and at them. */
function judge(trace: TextTrace, ids: Int32Array, start: number, before: Float32Array, at: Float32Array): void {
  const vocabularySize = at.length / ids.length;
  ids.forEach((id, step) => {
    // The logits before a token: of the last step of the piece before, or of the step before in this one.
    const row =
      step === 0 ? before.subarray(-vocabularySize) : at.subarray((step - 1) * vocabularySize, step * vocabularySize);
    const probabilities = softmax(row);
    trace.surprises[start + step] = -Math.log(probabilities[id]);
    trace.expected.push(likeliest(probabilities));
  });
}

/** The memory of each layer over a long text: c of an LSTM, h otherwise. */
export interface StateTrace {
  /** By layer, values [N, size], row-major. */
  layers: { size: number; values: Float32Array }[];
  /** For each of the N rows, which token of the text had just been read. */
  positions: Int32Array;
}

/** Tokens that each part of the text only warms the state up with. */
const WARM_UP = 32;

/**
 * Reads a long text in a few parallel parts and keeps the memory after each token, but for the first few of a part, where
 * the model cannot know yet what it is in the middle of.
 */
export async function traceStates(
  model: RecurrentLanguageModel,
  ids: Int32Array,
  name: string,
  pause = pauses(),
): Promise<StateTrace> {
  const rows = Math.max(1, Math.min(16, Math.floor(ids.length / 400)));
  const length = Math.floor(ids.length / rows);
  const kept = Math.max(0, length - WARM_UP);
  const positions = Int32Array.from({ length: rows * kept }, (_, index) => {
    const row = Math.floor(index / kept);
    return row * length + WARM_UP + (index % kept);
  });
  const layers: StateTrace['layers'] = [];
  let state = model.initialState(rows);
  try {
    const pieces = tokenPieces(0, length, { weights: rows * model.parameterCount, chunkLength: CHUNK });
    for (const [start, end] of pieces) {
      await pause();
      const piece = new Int32Array(rows * (end - start));
      for (let row = 0; row < rows; row++)
        piece.set(ids.subarray(row * length + start, row * length + end), row * (end - start));
      tracePiece(model, piece, rows, state, memoryTaker(layers, name, { rows, kept, start, steps: end - start }));
      const next = tf.tidy(() => model.forward(tf.tensor2d(piece, [rows, end - start], 'int32'), state).state);
      tf.dispose(state);
      state = next;
    }
  } finally {
    tf.dispose(state);
  }
  return { layers, positions };
}

/** Keeps one quantity of a piece's `steps`, of tokens from `start` on in each of the parts, but for those that warm up. */
function memoryTaker(
  layers: StateTrace['layers'],
  name: string,
  { rows, kept, start, steps }: { rows: number; kept: number; start: number; steps: number },
): Taker {
  return (layer, quantity, size, values) => {
    if (quantity !== name) return;
    const target = (layers[layer] ??= { size, values: new Float32Array(rows * kept * size) });
    for (let row = 0; row < rows; row++) {
      for (let step = Math.max(0, WARM_UP - start); step < steps; step++) {
        const from = (row * steps + step) * size;
        target.values.set(values.subarray(from, from + size), (row * kept + start + step - WARM_UP) * size);
      }
    }
  };
}

type Taker = (layer: number, name: string, size: number, values: Float32Array) => void;

/** Hands out what each layer did over ids [rows, T], quantity by quantity, [rows, T, size]. */
function tracePiece(model: RecurrentLanguageModel, ids: Int32Array, rows: number, state: State, take: Taker): void {
  const traces = tf.tidy(() => model.trace(tf.tensor2d(ids, [rows, ids.length / rows], 'int32'), state));
  traces.forEach((trace, layer) => {
    for (const [name, tensor] of Object.entries(trace)) {
      take(layer, name, tensor.shape[2], tensor.dataSync() as Float32Array);
      tensor.dispose();
    }
  });
}

/** The logits [T * V] of ids [T]; the old state is disposed of, the new one handed on. */
function read(
  model: RecurrentLanguageModel,
  ids: Int32Array,
  state: State,
  keep: (result: { state: State }) => void,
): Float32Array {
  const [logits, ...next] = tf.tidy(() => {
    const result = model.forward(tf.tensor2d(ids, [1, ids.length], 'int32'), state);
    return [result.logits, ...result.state];
  });
  const values = logits.dataSync() as Float32Array;
  tf.dispose([logits, ...state]);
  keep({ state: next });
  return values;
}

function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The first few in falling order, of equals the one with the lower id first; without sorting a vocabulary of words. */
function likeliest(probabilities: Float64Array): { id: number; probability: number }[] {
  const best: { id: number; probability: number }[] = [];
  probabilities.forEach((probability, id) => {
    if (best.length === EXPECTED && probability <= best[EXPECTED - 1].probability) return;
    const place = best.findIndex((one) => probability > one.probability);
    best.splice(place < 0 ? best.length : place, 0, { id, probability });
    best.length = Math.min(best.length, EXPECTED);
  });
  return best;
}
