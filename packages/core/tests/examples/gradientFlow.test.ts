import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { gradientFlowPage, measureGradientFlow, stateGradients, type Flow } from '../../examples/gradientFlow.js';
import { renderPage, renderTable } from '../../examples/page.js';
import { LSTM } from '../../src/index.js';

let flows: Flow[];

beforeAll(async () => {
  await tf.setBackend('cpu');
  flows = measureGradientFlow({ steps: 40, units: 16, batch: 4 });
});

const factor = ({ hidden }: Flow): number => (hidden[39] / hidden[1]) ** (1 / 38);

describe('Gradient flow', () => {
  it('vanishes in the RNN of small weights, explodes in the one of large weights, and lasts in the LSTM that remembers', () => {
    const [small, orthogonal, large, forgetful, remembering] = flows.map(factor);
    expect(small).toBeLessThan(0.8);
    expect(small).toBeLessThan(orthogonal);
    expect(orthogonal).toBeLessThan(1);
    expect(large).toBeGreaterThan(1.02);
    expect(forgetful).toBeLessThan(0.95);
    expect(Math.abs(remembering - 1)).toBeLessThan(0.1);
  });

  it('measures what the gradient of the rest of the sequence with respect to its first state is', () => {
    const [batch, steps, units] = [2, 5, 4];
    const layer = new LSTM({ units, seed: 3 });
    layer.build([null, null, 3]);
    const x = tf.randomNormal([batch, steps, 3], 0, 1, 'float32', 1) as tf.Tensor3D;
    const direction = tf.randomNormal([batch, units], 0, 1, 'float32', 2) as tf.Tensor2D;
    const [hidden, cell] = stateGradients(layer, x, direction);
    for (let distance = 1; distance < steps; distance++) {
      const cut = steps - distance;
      const { states } = layer.run(tf.slice(x, [0, 0, 0], [batch, cut, 3]));
      const rest = tf.slice(x, [0, cut, 0], [batch, distance, 3]);
      const loss = (h: tf.Tensor, c: tf.Tensor): tf.Scalar => {
        const { last } = layer.run(rest, { initialState: [h, c] });
        return tf.sum(tf.mul(last, direction));
      };
      // The gradient of the sum, over two rows: the typical norm of a row is smaller by the root of 2.
      const norms = tf
        .grads(loss)(states)
        .map((gradient) => tf.norm(gradient).dataSync()[0] / Math.sqrt(batch));
      expect(hidden[distance]).toBeCloseTo(norms[0], 5);
      expect(cell[distance]).toBeCloseTo(norms[1], 5);
    }
  });

  it('clips the gradient of the weights to a norm of 1 and leaves small ones', () => {
    for (const { weights, clipped } of flows) expect(clipped).toBe(Math.min(1, weights));
    expect(flows[2].weights).toBeGreaterThan(10);
  });

  it('leaks nothing', () => {
    const before = tf.memory().numTensors;
    measureGradientFlow({ steps: 3, units: 4, batch: 2 });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('becomes a page that needs no network, and a table', () => {
    const page = gradientFlowPage(flows);
    const html = renderPage(page);
    expect(html).not.toMatch(/(src|href)\s*=|url\(|fetch\(|import\(|XMLHttpRequest|@import/);
    const [, data] = /const charts = (.*);\n/.exec(html)!;
    expect(JSON.parse(data)).toEqual(JSON.parse(JSON.stringify(page.charts)));
    for (const script of html.matchAll(/<script>([\s\S]*?)<\/script>/g))
      expect(() => new Function(script[1])).not.toThrow();
    expect(renderTable(page.table).split('\n')).toHaveLength(1 + flows.length);
  });
});
