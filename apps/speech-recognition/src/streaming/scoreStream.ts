import type { FeatureMatrix } from '@cadenza/audio';
import { readFrameScores, type AcousticModel, type FrameScores } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { featureTensors } from '../batches.js';

/**
 * What a model of one direction says about frames that arrive in pieces. Between two pieces it keeps the network's state, a few
 * tensors that {@link ScoreStream.dispose} frees.
 */
export class ScoreStream {
  private state: tf.Tensor[] | undefined;

  constructor(private readonly model: AcousticModel) {}

  /** log p(symbol | frame) of the next frames, of which there is at least one. */
  async push(features: FeatureMatrix): Promise<FrameScores> {
    const before = this.state;
    const { logits, state } = tf.tidy(() => this.model.forward(featureTensors([features]), { state: before }));
    this.state = state;
    tf.dispose(before ?? []);
    try {
      const [scores] = await readFrameScores(logits, [features.frames]);
      return scores;
    } finally {
      logits.dispose();
    }
  }

  /** Frees the state: what comes next is a beginning. */
  dispose(): void {
    tf.dispose(this.state ?? []);
    this.state = undefined;
  }
}
