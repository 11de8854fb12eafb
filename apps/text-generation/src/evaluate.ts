import { CrossEntropy, type RecurrentLanguageModel, type State, eventLoopTurn } from '@cadenza/core';
import { evaluationStream, evaluationWindows, TokenStreams, type TokenBatch } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';

/** The sum of the losses over a text, in nats, and how many tokens were predicted. */
export interface TextLoss {
  nats: number;
  predictions: number;
}

export interface ReadingOptions {
  /** Called with the number of predictions so far. */
  onProgress?: (done: number) => void;
  signal?: AbortSignal;
}

/** The `stream` protocol: the text read from beginning to end as one stream, its state carried; the first token is given. */
export function streamLoss(
  model: RecurrentLanguageModel,
  tokens: Int32Array,
  options: ReadingOptions = {},
): Promise<TextLoss> {
  return readCarrying(model, evaluationStream(tokens), 1, options);
}

/**
 * Nearly the same much faster, for validation while training: the text in parallel streams, each of which starts from a
 * zero state once.
 */
export function parallelStreamLoss(
  model: RecurrentLanguageModel,
  tokens: Int32Array,
  { streams, ...options }: ReadingOptions & { streams: number },
): Promise<TextLoss> {
  const rows = Math.max(1, Math.min(streams, Math.floor((tokens.length - 1) / 64)));
  return readCarrying(model, new TokenStreams(tokens, { rows, steps: 128 }).restOfEpoch(), rows, options);
}

/** The `windowed` protocol: consecutive windows, each from a zero state with one token given. */
export async function windowedLoss(
  model: RecurrentLanguageModel,
  tokens: Int32Array,
  { window = 256, rows = 64, onProgress, signal }: ReadingOptions & { window?: number; rows?: number } = {},
): Promise<TextLoss> {
  const measure = new CrossEntropy();
  let done = 0;
  for (const batch of evaluationWindows(tokens, { windowLength: window, rows })) {
    if (signal?.aborted) break;
    const state = model.initialState(batch.rows);
    const next = readBatch(model, batch, state, measure);
    tf.dispose([...state, ...next]);
    done += batch.predictions;
    onProgress?.(done);
    await eventLoopTurn();
  }
  return lossOf(measure, done);
}

async function readCarrying(
  model: RecurrentLanguageModel,
  batches: Iterable<TokenBatch>,
  rows: number,
  { onProgress, signal }: ReadingOptions,
): Promise<TextLoss> {
  const measure = new CrossEntropy();
  let done = 0;
  let state = model.initialState(rows);
  for (const batch of batches) {
    if (signal?.aborted) break;
    const next = readBatch(model, batch, state, measure);
    tf.dispose(state);
    state = next;
    done += batch.predictions;
    onProgress?.(done);
    await eventLoopTurn();
  }
  tf.dispose(state);
  return lossOf(measure, done);
}

/** Reads one batch from a state, takes its losses into the measure, and gives the state after it. */
function readBatch(
  model: RecurrentLanguageModel,
  { inputs, targets, rows, steps }: TokenBatch,
  state: State,
  measure: CrossEntropy,
): State {
  const [losses, ...next] = tf.tidy(() => {
    const shape: [number, number] = [rows, steps];
    const result = model.loss(tf.tensor2d(inputs, shape, 'int32'), tf.tensor2d(targets, shape, 'int32'), state);
    return [result.losses, ...result.state];
  });
  measure.update({ losses: losses.dataSync(), labels: targets });
  losses.dispose();
  return next;
}

function lossOf(measure: CrossEntropy, predictions: number): TextLoss {
  return { nats: predictions === 0 ? 0 : measure.value().nats, predictions };
}
