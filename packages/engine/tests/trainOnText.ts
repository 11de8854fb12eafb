import * as tf from '@tensorflow/tfjs-core';
import { clipFactor, createOptimizer, globalNorm, Random, RecurrentLanguageModel } from '@cadenza/core';

export interface TextTraining {
  cell: 'lstm' | 'gru' | 'rnn';
  hidden: number;
  /** Rows of text that are read side by side. */
  batch: number;
  /** Characters of a row in one update. */
  steps: number;
  updates: number;
}

/** Learns a text by characters on the active backend, from a fixed seed; the loss of every update, nats per character. */
export function trainOnText(text: string, { cell, hidden, batch, steps, updates }: TextTraining): number[] {
  const symbols = [...new Set(text)].sort();
  const ids = Int32Array.from(text, (character) => symbols.indexOf(character));
  const model = new RecurrentLanguageModel(
    { cell, vocabularySize: symbols.length, embeddingSize: 32, hiddenSize: hidden, layers: 1 },
    new Random(5),
  );
  const names = new Map(Array.from(model.parameters, ([name, variable]) => [variable.name, name]));
  const optimizer = createOptimizer({ name: 'adam' });
  const rowLength = Math.floor((ids.length - 1) / batch);
  const block = (update: number, shift: number) => {
    const values = new Int32Array(batch * steps);
    for (let i = 0; i < values.length; i++) {
      const [row, t] = [Math.floor(i / steps), i % steps];
      values[i] = ids[row * rowLength + ((update * steps + t) % rowLength) + shift];
    }
    return tf.tensor2d(values, [batch, steps], 'int32');
  };
  let state = model.initialState(batch);
  const losses: number[] = [];
  for (let update = 0; update < updates; update++) {
    tf.tidy(() => {
      let next: tf.Tensor[] = [];
      const { value, grads } = tf.variableGrads(() => {
        const result = model.loss(block(update, 0), block(update, 1), state);
        next = result.state.map((tensor) => tf.keep(tf.clone(tensor)));
        return result.loss;
      }, [...model.parameters.values()]);
      const gradients = new Map(Object.entries(grads).map(([name, gradient]) => [names.get(name)!, gradient]));
      optimizer.apply(model.parameters, gradients, {
        learningRate: 4e-3,
        gradientScale: clipFactor(globalNorm([...gradients.values()]), 1),
      });
      tf.dispose(state);
      state = next;
      losses.push(value.dataSync()[0]);
    });
  }
  tf.dispose([...state, ...optimizer.state().values()]);
  model.dispose();
  return losses;
}
