import * as tf from '@tensorflow/tfjs-core';

/** What `choose` gives. When it fails, the backend that was active before is so again; where there was none, what it made active goes. */
export async function orEarlierBackend<T>(choose: () => Promise<T>): Promise<T> {
  const earlier = tf.getBackend();
  try {
    return await choose();
  } catch (error) {
    const failed = tf.getBackend();
    if (earlier) await tf.setBackend(earlier);
    // TensorFlow.js would take it for the first tensor.
    else if (failed) tf.removeBackend(failed);
    throw error;
  }
}
