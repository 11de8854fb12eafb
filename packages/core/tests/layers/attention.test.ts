import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import {
  Attention,
  AttentionDecoder,
  attentionScores,
  ConfigError,
  disposeState,
  Random,
  type AttentionOptions,
} from '../../src/index.js';

const [B, T, S, Q, C] = [2, 3, 4, 5, 6];

beforeAll(async () => {
  if (!process.env.CADENZA_TEST_BACKEND) await tf.setBackend('cpu');
});

const shapes = (memory = C) =>
  [
    [null, T, Q],
    [null, S, memory],
  ] as unknown as tfl.Shape;

function built(options: AttentionOptions, memory = C): Attention {
  const layer = new Attention({ seed: 1, ...options });
  layer.build(shapes(memory) as never);
  return layer;
}

const normal = (shape: [number, number, number], seed: number): tf.Tensor3D =>
  tf.randomNormal(shape, 0, 1, 'float32', seed);

const kinds: [name: string, options: AttentionOptions][] = [
  ...attentionScores.map((score): [string, AttentionOptions] => [score, { score }]),
  ...(['additive', 'multiplicative', 'scaledDot'] as const).map((score): [string, AttentionOptions] => [
    `${score} by five heads`,
    { score, heads: 5 },
  ]),
];

describe.each(kinds)('attention with the score %s', (_name, options) => {
  const { score, heads = 1 } = options;
  const memory = score === 'additive' || score === 'multiplicative' || heads > 1 ? C : Q;
  const found = heads > 1 ? Q : memory;

  it('weighs the rows of each memory, and gives their mean, each head that of its part', () => {
    const layer = built(options, memory);
    const remembered = layer.remember(normal([B, S, memory], 2));
    const query = normal([B, T, Q], 3);
    const { context, weights } = layer.attend(query, remembered);
    tf.test_util.expectArraysClose(tf.sum(weights, 2).dataSync(), new Float32Array(B * T).fill(1), 1e-6);
    const mean = tf.matMul(weights, remembered.values);
    const distance = tf.max(tf.abs(tf.sub(context, mean))).dataSync()[0];
    if (heads === 1) expect(distance).toBeLessThan(1e-5);
    else expect(distance).toBeGreaterThan(1e-3); // each head has weights of its own
    const alone = layer.remember(normal([B, 1, memory], 2));
    const only = tf.tile(alone.values, [1, T, 1]);
    tf.test_util.expectArraysClose(layer.attend(query, alone).context.dataSync(), only.dataSync(), 1e-6);
  });

  it('sees nothing beyond a row’s length, not even what is no number', () => {
    const layer = built(options, memory);
    const query = normal([B, T, Q], 3);
    const values = normal([B, S, memory], 2);
    const lengths = tf.tensor1d([2, S], 'int32');
    const [short, long] = tf.split(values, 2) as tf.Tensor3D[];
    const spoilt = tf.concat([tf.slice(short, [0, 0, 0], [1, 2, memory]), tf.fill([1, 2, memory], NaN)], 1);
    const found = layer.attend(query, layer.remember(tf.concat([spoilt, long]) as tf.Tensor3D, lengths));
    const alone = layer.attend(tf.slice(query, 0, 1), layer.remember(tf.slice(short, [0, 0, 0], [1, 2, memory])));
    const rows = tf.slice(found.weights, [0, 0, 0], [1, T, 2]);
    tf.test_util.expectArraysClose(rows.dataSync(), alone.weights.dataSync(), 1e-6);
    tf.test_util.expectArraysClose(tf.slice(found.context, 0, 1).dataSync(), alone.context.dataSync(), 1e-6);
    expect([...tf.slice(found.weights, [0, 0, 2], [1, T, 2]).dataSync()]).toEqual(Array(T * 2).fill(0));
  });

  it.each([NaN, Infinity])('lets %f beyond a row’s length reach no gradient', (padding) => {
    const layer = built(options, memory);
    const [query, values] = [normal([1, T, Q], 3), normal([1, 2, memory], 2)];
    const spoilt = tf.concat([values, tf.fill([1, 2, memory], padding)], 1) as tf.Tensor3D;
    const weights = [...layer.parameters().values()];
    const gradients = (of: tf.Tensor3D): tf.Tensor[] => {
      const loss = (x: tf.Tensor): tf.Scalar => {
        const { context } = layer.attend(query, layer.remember(x as tf.Tensor3D, tf.tensor1d([2], 'int32')));
        return tf.sum(tf.square(context));
      };
      const ofValues = tf.slice(tf.grad(loss)(of), [0, 0, 0], [1, 2, memory]);
      if (weights.length === 0) return [ofValues];
      return [ofValues, ...Object.values(tf.variableGrads(() => loss(of), weights).grads)];
    };
    const wanted = gradients(values);
    gradients(spoilt).forEach((gradient, index) =>
      tf.test_util.expectArraysClose(gradient.dataSync(), wanted[index].dataSync(), 1e-6),
    );
  });

  it('has the gradients of a loss on its weights, as a layer and where they are asked for', () => {
    const layer = built(options, memory);
    const [query, values] = [normal([B, T, Q], 3), normal([B, S, memory], 2)];
    const wanted = normal([B, T, S], 4);
    const gradient = (weightsOf: (x: tf.Tensor3D) => tf.Tensor) =>
      tf.grad((x) => tf.sum(tf.mul(weightsOf(x as tf.Tensor3D), wanted)))(query);
    const attend = (x: tf.Tensor3D, needWeightsGradient: boolean) =>
      layer.attend(x, layer.remember(values), undefined, { needWeightsGradient }).weights;
    const analytic = gradient((x) => attend(x, true));
    const [step, direction] = [1e-2, normal([B, T, Q], 5)];
    const at = (distance: number) =>
      tf.sum(tf.mul(attend(tf.add(query, tf.mul(direction, distance)), false), wanted)).dataSync()[0];
    // Central differences along a random direction, in float32.
    const slope = (at(step) - at(-step)) / (2 * step);
    expect(tf.sum(tf.mul(analytic, direction)).dataSync()[0]).toBeCloseTo(slope, 2);
    expect(Math.abs(slope)).toBeGreaterThan(0.02);
    tf.test_util.expectArraysClose(gradient((x) => layer.call([x, values])[1]).dataSync(), analytic.dataSync(), 1e-6);
  });

  it('works in a model of tf.layers that is saved and loaded', async () => {
    const query = tfl.input({ shape: [T, Q] });
    const source = tfl.input({ shape: [S, memory] });
    const outputs = new Attention({ ...options, seed: 4 }).apply([query, source]) as tfl.SymbolicTensor[];
    const model = tfl.model({ inputs: [query, source], outputs });
    const inputs = [normal([B, T, Q], 5), normal([B, S, memory], 6)];
    const before = model.predict(inputs) as tf.Tensor[];
    expect(before.map(({ shape }) => shape)).toEqual([
      [B, T, found],
      [B, T, S],
    ]);
    const again = await tfl.loadLayersModel(tf.io.fromMemory((await artifactsOf(model))!));
    const after = again.predict(inputs) as tf.Tensor[];
    after.forEach((tensor, index) => tf.test_util.expectArraysClose(tensor.dataSync(), before[index].dataSync(), 0));
  });
});

describe('Attention', () => {
  it('puts weights where a mask with gaps says they belong', () => {
    const layer = built({ score: 'multiplicative' });
    const query = normal([1, T, Q], 3);
    const values = normal([1, S, C], 2);
    const mask = tf.tensor2d([[1, 0, 1, 0]], undefined, 'bool');
    const [context, weights] = layer.call([query, values], { mask: [null, mask] as unknown as tf.Tensor[] });
    const kept = tf.gather(values, [0, 2], 1);
    const alone = layer.attend(query, layer.remember(kept));
    tf.test_util.expectArraysClose(context.dataSync(), alone.context.dataSync(), 1e-6);
    tf.test_util.expectArraysClose(tf.gather(weights, [0, 2], 2).dataSync(), alone.weights.dataSync(), 1e-6);
    expect([...tf.gather(weights, [1, 3], 2).dataSync()]).toEqual(Array(T * 2).fill(0));
  });

  it('refuses a mask by itself, which would be the query’s', () => {
    const layer = built({ score: 'multiplicative' });
    const mask = tf.ones([B, S], 'bool');
    const call = (): unknown => layer.call([normal([B, T, Q], 3), normal([B, S, C], 2)], { mask });
    expect(call).toThrow('Expected mask to be a list, the second of it of the memory, got "one mask"');
  });

  it('moves with what was attended to before, once it has learnt to', () => {
    const layer = built({ score: 'additive', coverage: true });
    const memory = layer.remember(normal([B, S, C], 2));
    const query = normal([B, T, Q], 3);
    const coverage = tf.tensor2d([1, 0, 0, 0, 0, 2, 0, 0], [B, S]);
    const weights = (): Float32Array => layer.attend(query, memory, coverage).weights.dataSync() as Float32Array;
    const plain = layer.attend(query, memory).weights.dataSync();
    tf.test_util.expectArraysClose(weights(), plain, 1e-7);
    layer
      .parameters()
      .get('coverage')!
      .assign(tf.fill([Q], 0.5));
    expect(Math.max(...weights().map((weight, index) => Math.abs(weight - plain[index])))).toBeGreaterThan(0.01);
  });

  it.each<[object, RegExp]>([
    [{ score: 'additve' }, /did you mean additive/],
    [{ score: 'dot', units: 3 }, /Expected units to be absent for the score dot, got 3/],
    [{ score: 'scaledDot', coverage: true }, /Expected coverage to be false for the score scaledDot/],
    [{ unit: 3 }, /did you mean units/],
    [{ heads: 1.5 }, /Expected heads to be a positive integer, got 1.5/],
    [{ score: 'scaledDot', heads: 2, coverage: true }, /Expected coverage to be false for the score scaledDot/],
    [{ score: 'dot', heads: 2 }, /Expected heads to be 1 for the score dot, which learns nothing, got 2/],
  ])('refuses %j', (options, message) => {
    expect(() => new Attention(options)).toThrow(ConfigError);
    expect(() => new Attention(options)).toThrow(message);
  });

  it('refuses a memory of another width for plain products', () => {
    expect(() => built({ score: 'dot' })).toThrow('Expected the memory of dot to be 5 wide, got 6');
  });

  it('knows the width of what several heads find before that of the memory', () => {
    const layer = new Attention({ score: 'additive', units: 6, heads: 2 });
    const unknown = [null, null, null] as unknown as tfl.Shape;
    expect(layer.computeOutputShape([[null, null, Q], unknown] as never)[0]).toEqual([null, null, 6]);
  });

  it('refuses heads that its size is no multiple of', () => {
    expect(() => built({ heads: 2 })).toThrow('Expected heads to be a divisor of 5, got 2');
  });

  it('refuses to attend before it is built, and a coverage that it knows nothing of', () => {
    const [query, values] = [normal([B, T, Q], 3), normal([B, S, C], 2)];
    expect(() => new Attention().remember(values)).toThrow(/Expected .* to be built before it attends; call build/);
    const layer = built({});
    const attend = () => layer.attend(query, layer.remember(values), tf.zeros([B, S]));
    expect(attend).toThrow('Expected coverage to be absent for a layer without it, got "one"');
    const misspelt = { needsWeightsGradient: true } as never;
    expect(() => layer.attend(query, layer.remember(values), undefined, misspelt)).toThrow(
      /did you mean needWeightsGradient\?/,
    );
  });

  it('refuses to be built without both shapes', () => {
    expect(() => new Attention().build([null, T, Q])).toThrow('[[B, T, Q], [B, S, C]]');
  });
});

describe('the mask of a memory in a model of layers', () => {
  /** Queries [1, T, Q] of their own mask, and a memory whose rows of zeros are masked, or not. */
  function model(masked: boolean, query = tfl.input({ shape: [T, Q] })) {
    const memory = tfl.input({ shape: [S, C] });
    const queries = tfl.layers.masking({ maskValue: 0 }).apply(query) as tfl.SymbolicTensor;
    const values = masked ? (tfl.layers.masking({ maskValue: 0 }).apply(memory) as tfl.SymbolicTensor) : memory;
    const found = new Attention({ seed: 1 }).apply([queries, values]) as tfl.SymbolicTensor[];
    return tfl.model({ inputs: [query, memory], outputs: found });
  }
  const padded = (rows: number): tf.Tensor3D =>
    tf.concat([normal([1, rows, C], 2), tf.zeros([1, S - rows, C])], 1) as tf.Tensor3D;
  const query = normal([1, T, Q], 3);
  const predict = (of: tfl.LayersModel, memory: tf.Tensor): tf.Tensor[] => of.predict([query, memory]) as tf.Tensor[];

  it('hides padding, whatever mask the query has', () => {
    const layer = built({});
    const alone = layer.attend(query, layer.remember(normal([1, 2, C], 2)));
    const [context, weights] = predict(model(true), padded(2));
    tf.test_util.expectArraysClose(context.dataSync(), alone.context.dataSync(), 1e-6);
    tf.test_util.expectArraysClose(tf.slice(weights, [0, 0, 0], [1, T, 2]).dataSync(), alone.weights.dataSync(), 1e-6);
    expect([...tf.slice(weights, [0, 0, 2], [1, T, 2]).dataSync()]).toEqual(Array(T * 2).fill(0));
  });

  it('gives no weight at all where everything is hidden', () => {
    const [context, weights] = predict(model(true), padded(0));
    expect([...weights.dataSync(), ...context.dataSync()].every((value) => value === 0)).toBe(true);
  });

  it('is not that of a layer before, where the memory has none', () => {
    const shortQuery = tf.concat([tf.zeros([1, 1, Q]), tf.slice(query, [0, 1, 0])], 1);
    const [, weights] = model(false).predict([shortQuery, padded(2)]) as tf.Tensor[];
    expect(Math.min(...weights.dataSync())).toBeGreaterThan(0);
  });

  it('is still there in a model that was saved and loaded, and leaves no tensors', async () => {
    const before = predict(model(true), padded(2));
    const original = model(true);
    const again = await tfl.loadLayersModel(tf.io.fromMemory((await artifactsOf(original))!));
    const after = predict(again, padded(2));
    after.forEach((tensor, index) => tf.test_util.expectArraysClose(tensor.dataSync(), before[index].dataSync(), 0));
    const memory = padded(2);
    const { numTensors } = tf.memory();
    tf.dispose(predict(again, memory));
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

async function artifactsOf(model: tfl.LayersModel): Promise<tf.io.ModelArtifacts | undefined> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(
      async (artifacts) => (
        (saved = artifacts),
        { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
      ),
    ),
  );
  return saved;
}

describe('an AttentionDecoder as a layer', () => {
  it.each([[false], [true]])('hides what the mask of its memory does in a model, states given: %s', (withStates) => {
    const decoder = new AttentionDecoder({ vocabularySize: 7, embeddingSize: 3, units: 4, layers: 2, seed: 2 });
    const inputs = [[T], [S, C], ...(withStates ? [[4], [4], [4], [4]] : [])].map((shape) => tfl.input({ shape }));
    const [ids, memory, ...states] = inputs;
    const masked = tfl.layers.masking({ maskValue: 0 }).apply(memory) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs, outputs: decoder.apply([ids, masked, ...states]) as tfl.SymbolicTensor });
    const tokens = tf.tensor2d([[1, 2, 3]], undefined, 'int32');
    const values = normal([1, 2, C], 2);
    const given = states.map((_, index) => tf.fill([1, 4], index / 8) as tf.Tensor2D);
    const logits = model.predict([tokens, tf.concat([values, tf.zeros([1, S - 2, C])], 1), ...given]) as tf.Tensor;
    const wanted = decoder.decode(tokens, decoder.start(values, withStates ? given : undefined)).logits;
    tf.test_util.expectArraysClose(logits.dataSync(), wanted.dataSync(), 1e-6);
  });

  it('gives the logits of decode, from a memory', () => {
    const decoder = new AttentionDecoder({ vocabularySize: 7, embeddingSize: 3, units: 4, seed: 2 });
    const x = tfl.input({ shape: [T] });
    const source = tfl.input({ shape: [S, C] });
    const model = tfl.model({ inputs: [x, source], outputs: decoder.apply([x, source]) as tfl.SymbolicTensor });
    const [tokens, values] = [tf.tensor2d([[1, 2, 3]], undefined, 'int32'), normal([1, S, C], 2)];
    const logits = model.predict([tokens, values]) as tf.Tensor;
    expect(logits.shape).toEqual([1, T, 7]);
    const wanted = decoder.decode(tokens, decoder.start(values)).logits;
    tf.test_util.expectArraysClose(logits.dataSync(), wanted.dataSync(), 1e-6);
  });

  it.each<[object, RegExp]>([
    [{ vocabularySize: 7, embeddingSize: 3 }, /Expected units to be a positive integer/],
    [{ vocabularySize: 7, embeddingSize: 3, units: 4, attentionUnits: 3 }, /Expected attentionUnits to be absent/],
    [{ vocabularySize: 7, embeddingSize: 3, units: 4, residual: true }, /Expected layers to be at least 2/],
    [
      { vocabularySize: 7, embeddingSize: 3, units: 4, tieWeights: true, readoutSize: 4 },
      /Expected readoutSize with tie/,
    ],
    [{ vocabularySize: 7, embeddingSize: 3, units: 4, inputFeed: true }, /did you mean inputFeeding/],
  ])('refuses %j', (options, message) => {
    expect(() => new AttentionDecoder(options as never)).toThrow(message);
  });
});

describe('the state of an AttentionDecoder', () => {
  it.each([1, 2])('is freed whole, the projections of %i heads too, and what it was made from is not', (heads) => {
    const decoder = new AttentionDecoder({ vocabularySize: 7, embeddingSize: 3, units: 4, layers: 2, heads });
    decoder.build([
      [null, T],
      [null, S, C],
    ]);
    const memory = normal([B, S, C], 2);
    const lengths = tf.tensor1d([S, 1], 'int32');
    const ids = tf.ones([B, T], 'int32');
    const { numTensors } = tf.memory();
    const state = decoder.start(memory, undefined, lengths);
    const { logits, readouts, weights, state: next } = decoder.decode(ids, state);
    expect(logits.shape).toEqual([B, T, 7]);
    tf.dispose([logits, readouts, weights, next.states]);
    disposeState(state);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect([memory.isDisposed, lengths.isDisposed]).toEqual([false, false]);
  });

  it.each<[object, string]>([
    [{ heads: 3 }, 'Expected heads to be a divisor of 4, got 3'],
    [{ heads: 2, score: 'dot' }, 'Expected heads to be 1 for the score dot, got 2'],
    [{ heads: 2, score: 'none' }, 'Expected heads to be 1 for the score none, got 2'],
    [{ heads: 4, score: 'additive', attentionUnits: 6 }, 'Expected heads to be a divisor of 6, got 4'],
    [{ score: 'additive', attentionUnits: 2.5 }, 'Expected attentionUnits to be a positive integer, got 2.5'],
  ])('has no heads that do not fit: %j', (options, message) => {
    expect(() => new AttentionDecoder({ vocabularySize: 7, embeddingSize: 3, units: 4, ...options })).toThrow(message);
  });
});

describe('an AttentionDecoder that feeds something back', () => {
  const options = {
    vocabularySize: 7,
    embeddingSize: 3,
    units: 4,
    layers: 2,
    inputFeeding: true,
    coverage: true,
    seed: 2,
  };
  const ready = (more: object): AttentionDecoder => {
    const decoder = new AttentionDecoder({ ...options, ...more });
    decoder.build([
      [null, T],
      [null, S, C],
    ]);
    return decoder;
  };
  const ids = tf.tensor2d([[1, 2, 3, 4]], undefined, 'int32');
  const memory = normal([1, S, C], 2);

  it.each([[true], [false]])(
    'drops between layers with a mask for each step unless it is variational: %s',
    (locked) => {
      const decoder = ready({ betweenDropout: 0.5, variational: locked, inputFeeding: false });
      const [, second] = decoder.lstms;
      const run = second.run.bind(second);
      const masks = new Set<string>();
      vi.spyOn(second, 'run').mockImplementation((x, given) => {
        masks.add([...tf.equal(x, 0).dataSync()].join(''));
        return run(x, given);
      });
      const random = new Random(1);
      decoder.decode(tf.ones([1, 6], 'int32'), decoder.start(memory), { training: true, random });
      expect(second.run).toHaveBeenCalledTimes(6);
      expect(masks.size === 1).toBe(locked);
    },
  );

  it('carries what it fed back over steps beyond a row’s length', () => {
    const decoder = ready({});
    const padded = decoder.decode(ids, decoder.start(memory), { lengths: tf.tensor1d([2], 'int32') }).state.states;
    const exact = decoder.decode(tf.slice(ids, [0, 0], [1, 2]), decoder.start(memory)).state.states;
    expect(padded).toHaveLength(4 + 1 + 1);
    padded.forEach((state, index) => tf.test_util.expectArraysClose(state.dataSync(), exact[index].dataSync(), 1e-6));
  });
});
