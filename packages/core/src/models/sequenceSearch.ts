import * as tf from '@tensorflow/tfjs-core';
import type { SearchModel, SearchRows, SearchStep } from '../decoding/searchModel.js';
import { mapMemory, type AttentionDecoderState } from './attentionDecoderState.js';
import type { SequenceToSequence } from './sequenceToSequence.js';

/**
 * A {@link SequenceToSequence} as searches see it: they start from `model.start(batch)`, whose state stays the caller's. Hypotheses of a
 * sentence share its memory; the attention of a step is the highest layer's.
 */
export class SequenceSearch implements SearchModel<AttentionDecoderState> {
  readonly vocabularySize: number;

  constructor(private readonly model: SequenceToSequence) {
    this.vocabularySize = model.config.targetVocabularySize;
  }

  step(tokens: Int32Array, state: AttentionDecoderState, _rows: SearchRows): SearchStep<AttentionDecoderState> {
    return tf.tidy(() => {
      const { logits, weights, state: next } = this.model.step(tf.tensor1d(tokens, 'int32'), state);
      const memories = next.memories.map((memory) => mapMemory(memory, (tensor) => tf.clone(tensor)));
      return { logits, attention: weights.at(-1), state: { states: next.states, memories } };
    });
  }

  select(state: AttentionDecoderState, rows: Int32Array, sentences: Int32Array): AttentionDecoderState {
    return tf.tidy(() => {
      const wanted = tf.tensor1d(rows, 'int32');
      const kept = tf.tensor1d(sentences, 'int32');
      const pick = <T extends tf.Tensor>(tensor: T): T =>
        tensor.shape[0] === sentences.length ? tf.clone(tensor) : tf.gather(tensor, kept);
      return {
        states: state.states.map((tensor) => tf.gather(tensor, wanted)),
        memories: state.memories.map((memory) => mapMemory(memory, pick)),
      };
    });
  }

  dispose(state: AttentionDecoderState): void {
    tf.dispose(state.states);
    for (const memory of state.memories) tf.dispose({ ...memory });
  }
}
