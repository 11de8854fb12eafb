import * as tf from '@tensorflow/tfjs-core';
import type { AttentionMemory } from '../layers/attention.js';
import type { Random } from '../random.js';

/** What an AttentionDecoder carries from step to step. */
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
  /** int32 [B]: target steps from there on carry the state and are not read. */
  lengths?: tf.Tensor;
  /** Whether dropout acts. */
  training?: boolean;
  random?: Random;
  /** An embedding [V, E] that stands in for the decoder's own, for one that is shared. */
  table?: tf.Tensor;
  /** Let gradients flow through the attentions' weights too, for a loss on them such as guided alignment. */
  needWeightsGradient?: boolean;
}

/** A memory with something done to each of its tensors. */
export function mapMemory(memory: AttentionMemory, map: <T extends tf.Tensor>(tensor: T) => T): AttentionMemory {
  const { values, keys, lengths } = memory;
  return { ...memory, values: map(values), keys: map(keys), lengths: lengths && map(lengths) };
}

/** Frees a state's own tensors: its states, the attentions' keys and projected values, not the encoder's outputs and lengths. */
export function disposeState(state: AttentionDecoderState): void {
  tf.dispose(state.states);
  for (const { keys, values, projected } of state.memories) {
    if (keys !== values) keys.dispose();
    if (projected) values.dispose();
  }
}
