import { Random, RecurrentLanguageModel } from '@cadenza/core';
import { CharacterTokenizer } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { inspectModel } from '../src/inspect.js';
import { packLayers } from '../src/inspectData.js';
import { gradientFlow } from '../src/inspectGradient.js';
import { renderInspectPage } from '../src/inspectPage.js';
import { traceStates, traceText } from '../src/inspectTrace.js';

const text = 'He said, "Go (now)."\nAnd they WENT </script> 3 miles.\n\n'.repeat(12);
const tokenizer = CharacterTokenizer.build(text);

beforeAll(async () => {
  tf.enableProdMode();
  await tf.setBackend('cpu');
});

function makeModel(cell: 'lstm' | 'gru' | 'rnn', more: object = {}): RecurrentLanguageModel {
  return new RecurrentLanguageModel(
    { cell, vocabularySize: tokenizer.vocabulary.size, embeddingSize: 4, hiddenSize: 5, layers: 2, ...more },
    new Random(1),
  );
}

describe('traceText', () => {
  test('surprises are the losses of the model, over the borders of its pieces', async () => {
    const model = makeModel('lstm');
    const ids = tokenizer.encode(text).subarray(0, 300);
    const trace = await traceText(model, ids);
    const losses = tf.tidy(() => {
      const [inputs, targets] = [ids.subarray(0, -1), ids.subarray(1)].map((part) =>
        tf.tensor2d(part, [1, 299], 'int32'),
      );
      return model.loss(inputs, targets, model.initialState(1)).losses.dataSync();
    });
    expect(trace.surprises).toHaveLength(299);
    trace.surprises.forEach((surprise, step) => expect(surprise).toBeCloseTo(losses[step], 4)); // float32
    model.dispose();
  });

  test('cells and gates are consistent: c_t = f c_{t-1} + i g and h_t = o tanh(c_t), also between pieces', async () => {
    const model = makeModel('lstm');
    const { layers } = await traceText(model, tokenizer.encode(text).subarray(0, 200));
    for (const { size, quantities } of layers) {
      expect([...quantities.keys()].sort()).toEqual(['c', 'f', 'g', 'h', 'i', 'o']);
      const at = (name: string, index: number): number => quantities.get(name)![index];
      for (let index = size; index < 199 * size; index++) {
        const cell = at('f', index) * at('c', index - size) + at('i', index) * at('g', index);
        expect(at('c', index)).toBeCloseTo(cell, 5);
        expect(at('h', index)).toBeCloseTo(at('o', index) * Math.tanh(at('c', index)), 5);
      }
    }
    model.dispose();
  });

  test('the likeliest tokens come in falling order, and none is likelier than they', async () => {
    const model = makeModel('gru');
    const ids = tokenizer.encode(text).subarray(0, 20);
    const { expected } = await traceText(model, ids);
    const probabilities = tf.tidy(() => {
      const { logits } = model.forward(tf.tensor2d(ids, [1, 20], 'int32'), model.initialState(1));
      return tf.softmax(logits).arraySync() as number[][];
    });
    expected.forEach((row, step) => {
      const all = [...probabilities[step].entries()].sort(([, a], [, b]) => b - a).slice(0, 5);
      expect(row.map(({ id }) => id)).toEqual(all.map(([id]) => id));
    });
    for (const row of expected) {
      expect(row).toHaveLength(5);
      expect(row.map(({ probability }) => probability)).toEqual(
        row.map(({ probability }) => probability).sort((a, b) => b - a),
      );
    }
    model.dispose();
  });
});

test('the memory over a long text is that of its parts, each from a zero state', async () => {
  const model = makeModel('gru');
  const ids = tokenizer.encode(text.repeat(2)).subarray(0, 1300); // three parts of 433
  const { layers, positions } = await traceStates(model, ids, 'h');
  expect(positions).toHaveLength(3 * (433 - 32));
  expect([positions[0], positions[401]]).toEqual([32, 433 + 32]);
  const second = tf.tidy(() =>
    model.trace(tf.tensor2d(ids.subarray(433, 866), [1, 433], 'int32'), model.initialState(1))[1].h.dataSync(),
  );
  const { size, values } = layers[1];
  for (let index = 0; index < 401 * size; index++) {
    expect(values[401 * size + index]).toBeCloseTo(second[32 * size + index], 5);
  }
  model.dispose();
});

describe('gradientFlow', () => {
  test.each(['lstm', 'rnn'] as const)('of an %s is the norm that finite differences give', async (cell) => {
    const model = makeModel(cell, { layers: 1, hiddenSize: 3 });
    const ids = tokenizer.encode(text);
    const flow = await gradientFlow(model, ids, { distances: [1, 3], places: 1 });
    const row = (start: number, length: number): tf.Tensor2D =>
      tf.tensor2d(ids.subarray(start, start + length), [1, length], 'int32');
    tf.tidy(() => {
      const state = model.forward(row(0, 64), model.initialState(1)).state;
      const hidden = Array.from(state[0].dataSync());
      const lossAt = (values: number[]): number => {
        const { losses } = model.loss(row(64, 3), row(65, 3), [tf.tensor2d([values]), ...state.slice(1)]);
        return losses.dataSync()[2];
      };
      const step = 1e-2; // float32 losses: a smaller one would drown in rounding
      const squares = hidden.map((_, unit) => {
        const moved = (by: number): number =>
          lossAt(hidden.map((value, other) => (other === unit ? value + by : value)));
        return ((moved(step) - moved(-step)) / (2 * step)) ** 2;
      });
      const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
      expect(Math.abs(flow.layers[0].hidden[1] / norm - 1)).toBeLessThan(0.05);
    });
    expect(flow.layers[0].cell === null).toBe(cell === 'rnn');
    model.dispose();
  });

  test.each(['lstm', 'gru'] as const)('of an %s goes back piece by piece as at once, with pauses', async (cell) => {
    const model = makeModel(cell);
    const ids = tokenizer.encode(text);
    const before = tf.memory().numTensors;
    let pauses = 0;
    const pause = (): Promise<void> => Promise.resolve(void pauses++);
    const flow = await gradientFlow(model, ids, { distances: [89], places: 1 }, pause);
    expect(tf.memory().numTensors).toBe(before);
    expect(pauses).toBeGreaterThanOrEqual(4); // the context, and 89 steps in two pieces at least, forward and backward
    const wanted = tf.tidy(() => {
      const row = (start: number, length: number): tf.Tensor2D =>
        tf.tensor2d(ids.subarray(start, start + length), [1, length], 'int32');
      const state = model.forward(row(0, 64), model.initialState(1)).state;
      const targets = tf.tensor2d([...new Int32Array(88).fill(-1), ids[64 + 89]], [1, 89], 'int32');
      const gradients = tf.grads((...states) => model.loss(row(64, 89), targets, states).loss as tf.Scalar)(state);
      return gradients.map((gradient) => tf.norm(gradient).dataSync()[0]);
    });
    const found = flow.layers.flatMap(({ hidden, cell: memory }) => [...hidden, ...(memory ?? [])]);
    // float32, added up in another order
    found.forEach((norm, index) => expect(Math.abs(norm / wanted[index] - 1)).toBeLessThan(1e-3));
    expect(found).toHaveLength(wanted.length);
    model.dispose();
  });

  test('distances that the text has no room for are left out', async () => {
    const model = makeModel('rnn');
    expect((await gradientFlow(model, tokenizer.encode(text).subarray(0, 80))).distances).toEqual([1, 2, 3, 5, 8, 13]);
    expect(await gradientFlow(model, tokenizer.encode(text).subarray(0, 20))).toEqual({
      distances: [],
      layers: [],
      places: 0,
    });
    model.dispose();
  });
});

describe.each(['lstm', 'gru', 'rnn'] as const)('the page of an %s', (cell) => {
  test('holds the text, the choices and the gradients, stays text, and nothing leaks', async () => {
    const model = makeModel(cell);
    const before = tf.memory().numTensors;
    const inspection = await inspectModel({ model, tokenizer, text: text.slice(0, 100), corpus: text });
    expect(tf.memory().numTensors).toBe(before);
    const page = renderInspectPage(inspection, { subtitle: 'run </title>' });
    const choices = [...page.matchAll(/name="quantity" value="(\w+)"/g)].map((match) => match[1]);
    const wanted = {
      lstm: ['surprise', 'c', 'h', 'i', 'f', 'g', 'o'],
      gru: ['surprise', 'h', 'z', 'r', 'n'],
      rnn: ['surprise', 'h'],
    };
    expect(choices).toEqual(wanted[cell]);
    expect(page.match(/<span style="--v:/g)).toHaveLength(100);
    expect(page).toContain('run &lt;/title&gt;');
    expect(page.match(/<\/script>/g)).toHaveLength(page.match(/<script/g)!.length);
    expect(page).toContain('How far back a prediction reaches');
    model.dispose();
  });
});

test('the data of the page is what the units did, to the precision of a byte', async () => {
  const model = makeModel('lstm');
  const inspection = await inspectModel({ model, tokenizer, text: text.slice(0, 50) });
  const [first] = packLayers(inspection, 1e6);
  for (const { name, data, scales } of first.quantities) {
    const bytes = Buffer.from(data, 'base64');
    const full = 'ifo'.includes(name) ? 255 : 127;
    inspection.layers[0].quantities.get(name)!.forEach((value, index) => {
      const [step, unit] = [Math.floor(index / 5), index % 5];
      const byte = 'ifo'.includes(name) ? bytes[unit * 50 + step] : bytes.readInt8(unit * 50 + step);
      const scale = scales ? scales[unit] : 1;
      expect(Math.abs((byte / full) * scale - value)).toBeLessThan(0.51 * (scale / full) + 1e-3 * scale);
    });
  }
  model.dispose();
});

test('a page too small for all units keeps those that were found and those that move', async () => {
  const model = makeModel('lstm');
  const inspection = await inspectModel({ model, tokenizer, text: text.slice(0, 50) });
  inspection.units = [{ feature: 'x', layer: 1, unit: 3, correlation: 1, auc: 1 }];
  const packed = packLayers(inspection, 2000);
  expect(packed[0].units.length + packed[1].units.length).toBe(4);
  expect(packed[1].units).toContain(3);
  expect(renderInspectPage(inspection, { maximumBytes: 2000 })).toContain('6 others are left out');
  model.dispose();
});

test('a projected hidden state, which has no unit of the cell, is left out', async () => {
  const model = makeModel('lstm', { projectionSize: 3, embeddingSize: 0 });
  const inspection = await inspectModel({ model, tokenizer, text: text.slice(0, 80) });
  expect([...inspection.layers[0].quantities.keys()]).not.toContain('h');
  expect(inspection.layers[0].size).toBe(5);
  model.dispose();
});

test('a text with nothing to look at, or with characters the model never saw, is refused', async () => {
  const model = makeModel('rnn');
  await expect(inspectModel({ model, tokenizer, text: '' })).rejects.toThrow(
    'Expected a text of at least one character to look at, got 0',
  );
  await expect(inspectModel({ model, tokenizer, text: 'é' })).rejects.toThrow(/'é' U\+00E9/);
  expect((await inspectModel({ model, tokenizer, text: 'éH', unknown: 'skip' })).tokens).toEqual(['H']);
  model.dispose();
});

test('a text may be longer than a call has arguments', async () => {
  const model = makeModel('rnn');
  vi.spyOn(model, 'initialState').mockImplementation(() => {
    throw new Error('the model reads');
  });
  const inspection = inspectModel({ model, tokenizer, text: text.repeat(500), maximumTokens: 300_000 });
  await expect(inspection).rejects.toThrow('the model reads');
  model.dispose();
});

test('an inspection ends at its abortion, with nothing left behind', async () => {
  const model = makeModel('lstm', { layers: 1, hiddenSize: 33 });
  const before = tf.memory().numTensors;
  for (const milliseconds of [0, 20, 60]) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), milliseconds);
    const inspection = inspectModel({ model, tokenizer, text, corpus: text.repeat(15), signal: controller.signal });
    await expect(inspection).rejects.toMatchObject({ name: 'AbortError' });
    expect(tf.memory().numTensors).toBe(before);
  }
  model.dispose();
});
