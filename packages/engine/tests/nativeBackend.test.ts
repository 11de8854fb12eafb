import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { adamStep, Bidirectional, lstm, LSTM, softmaxCrossEntropy } from '@cadenza/core';
import type { NativeBackend } from '../src/nativeBackend.js';
import { isBuilt, tensor } from './onBoth.js';

const SIZE = 4096;

/** Allocates and disposes tensors of the size that a test's tensor has, filling whatever memory is reused. */
function churn(shape = [SIZE]): void {
  for (let i = 0; i < 50; i++) tf.dispose(tf.tidy(() => tf.add(tf.fill(shape, i), 1000)));
}

describe.skipIf(!isBuilt)('the native backend', () => {
  let backend: NativeBackend;
  let before: number;

  beforeEach(async () => {
    await tf.setBackend('native');
    backend = tf.engine().backend as unknown as NativeBackend;
    before = tf.memory().numTensors;
  });
  afterEach(() => expect(tf.memory().numTensors).toBe(before));

  it('reuses the memory of disposed tensors', () => {
    churn();
    const { allocations } = backend.poolStatistics();
    churn();
    expect(backend.poolStatistics().allocations).toBe(allocations);
  });

  it('takes the memory of large results from the pool', () => {
    const { inUse } = backend.poolStatistics();
    const x = tf.fill([SIZE], 1);
    expect(backend.poolStatistics().inUse - inUse).toBe(SIZE * 4);
    x.dispose();
    expect(backend.poolStatistics().inUse).toBe(inUse);
  });

  it.each([
    ['dataSync', (x: tf.Tensor) => x.dataSync() as Float32Array],
    ['bufferSync', (x: tf.Tensor) => x.bufferSync().values as Float32Array],
    ['the backend', (x: tf.Tensor) => backend.readSync(x.dataId) as Float32Array],
    ['the cpu kernels’ way', (x: tf.Tensor) => backend.data.get(x.dataId).values as Float32Array],
  ])('never changes an array read through %s, though its tensor is gone', (_, read) => {
    const x = tf.fill([SIZE], 7);
    const values = read(x);
    x.dispose();
    churn();
    expect(values.every((value) => value === 7)).toBe(true);
  });

  it('lets Cadenza’s kernels in JavaScript read tensors where they lie, without a copy of the memory', () => {
    const [x, lengths] = [tf.fill([4, SIZE / 16, 4], 1) as tf.Tensor3D, tf.tensor1d([1, 2, 3, 4], 'int32')];
    const slice = vi.spyOn(Float32Array.prototype, 'slice');
    // One of the attention layer's kernels that only JavaScript has.
    const [flag] = [tf.engine().runKernel('CadenzaFinitePadding', { x, lengths })] as tf.Tensor[];
    expect(slice).not.toHaveBeenCalled();
    slice.mockRestore();
    expect(flag.dataSync()[0]).toBe(1);
    expect(backend.peekSync(x.dataId)).toBe(backend.peekSync(x.dataId));
    tf.dispose([x, lengths, flag]);
  });

  it('keeps arrays that were made for gathered calls until those have run', () => {
    const forLater: object[] = [];
    const lengths = tf.tensor1d(new Int32Array(new SharedArrayBuffer(8)), 'int32');
    backend.together(() => {
      forLater.push(backend.integers(lengths));
      expect((backend as unknown as { made: object[] }).made).toEqual(forLater);
      backend.together(() => forLater.push(backend.integers(lengths)));
      expect((backend as unknown as { made: object[] }).made).toEqual(forLater);
    });
    expect((backend as unknown as { made: unknown }).made).toBeNull();
    expect(() => backend.together(() => expect.fail('on purpose'))).toThrow('on purpose');
    expect((backend as unknown as { made: unknown }).made).toBeNull();
    lengths.dispose();
  });

  it('computes both directions by one recurrent kernel as by two that are equal', () => {
    const [H, threads] = [64, backend.addon.threads()];
    const values = (shape: number[], phase: number) => {
      const size = shape.reduce((product, length) => product * length, 1);
      const waves = Float32Array.from({ length: size }, (_, i) => Math.sin(1.3 * i + phase) / 4);
      return tf.tensor(waves, shape);
    };
    const layer = new Bidirectional({ layer: new LSTM({ units: H }) });
    const outputs = tf.tidy(() => {
      const x = values([2, 1, 3], 1) as tf.Tensor3D;
      layer.build(x.shape);
      const [recurrentKernel, bias] = [values([H, 4 * H], 2), values([4 * H], 3)];
      const read = (other: tf.Tensor) => {
        const [forward, backward] = [4, 5].map((phase) => values([3, 4 * H], phase));
        layer.setWeights([forward, recurrentKernel, bias, backward, other, bias]);
        backend.addon.setThreads(2);
        return (layer.apply(x) as tf.Tensor).dataSync();
      };
      try {
        // The same data twice is packed with the kernel of one direction, then of the other.
        return [read(recurrentKernel), read(values([H, 4 * H], 2))];
      } finally {
        backend.addon.setThreads(threads);
      }
    });
    layer.dispose();
    expect(outputs[0]).toEqual(outputs[1]);
  });

  it('does not know weights any more whose packing failed', () => {
    const { addon } = backend;
    const H = 8;
    const x = tf.ones([1, 1, 3]);
    const recurrentKernel = tf.ones([H, 4 * H]);
    const [one, other] = [tf.ones([3, 4 * H]), tf.fill([3, 4 * H], 2)];
    const bias = tf.zeros([4 * H]);
    const step = (kernel: tf.Tensor): number =>
      tf.tidy(() => lstm({ x, kernel, recurrentKernel, bias }).outputs.dataSync()[0]);
    const right = step(one);
    const failing = (): never => {
      throw new Error('no memory');
    };
    try {
      Object.assign(backend, { addon: { ...addon, packLstm: failing } });
      expect(() => step(other)).toThrow('no memory');
    } finally {
      Object.assign(backend, { addon });
    }
    expect(step(one)).toBe(right);
    tf.dispose([x, recurrentKernel, one, other, bias]);
  });

  it('parts from the array that a matrix was made of when it packs it', () => {
    const array = new Float32Array(512 * 600).fill(1);
    const b = tf.tensor2d(array, [512, 600]);
    const a = tf.ones([8, 512]);
    const first = (): number => tf.tidy(() => tf.matMul(a, b).dataSync()[0]);
    const sums = [first(), first()]; // the second packs
    array.fill(2);
    sums.push(first(), tf.tidy(() => tf.sum(b).dataSync()[0]) / 600);
    expect(sums).toEqual([512, 512, 512, 512]);
    tf.dispose([a, b]);
  });

  it('never changes an array that was awaited', async () => {
    const x = tf.fill([SIZE], 7);
    const promise = x.data();
    x.dispose();
    churn();
    expect((await promise).every((value) => value === 7)).toBe(true);
  });

  it('does not let the user’s own array become a buffer', () => {
    const mine = new Float32Array(SIZE).fill(3);
    const x = tf.tensor1d(mine);
    x.dispose();
    churn();
    expect(mine.every((value) => value === 3)).toBe(true);
  });

  it('keeps the data of a view alive after the tensor it came from', () => {
    const x = tf.fill([SIZE], 7);
    const views = [tf.reshape(x, [64, 64]), tf.clone(x), tf.expandDims(x, 0), tf.cast(x, 'float32')];
    x.dispose();
    churn();
    for (const view of views) expect(view.dataSync().every((value) => value === 7)).toBe(true);
    tf.dispose(views);
  });

  it('keeps what a cpu kernel made a view of', () => {
    const x = tf.fill([SIZE], 7);
    const parts = tf.tidy(() => [
      tf.stridedSlice(x, [0], [SIZE], [1]),
      tf.slice(x, [1], [SIZE - 1]),
      tf.unstack(tf.reshape(x, [2, SIZE / 2]))[1],
      tf.real(tf.complex(x, x)),
    ]);
    x.dispose();
    churn();
    churn([SIZE - 1]);
    for (const part of parts) expect(part.dataSync().every((value) => value === 7)).toBe(true);
    tf.dispose(parts);
  });

  it('keeps a variable’s value over assignments', () => {
    const variable = tf.tidy(() => tf.variable(tf.fill([SIZE], 1)));
    for (let i = 2; i < 20; i++) {
      const next = tf.fill([SIZE], i);
      variable.assign(next);
      next.dispose();
      churn();
      expect(variable.dataSync().every((value) => value === i)).toBe(true);
    }
    variable.dispose();
  });

  it('computes the same with recycled memory as with fresh memory, whatever garbage it holds', () => {
    const step = () =>
      tf.tidy(() => {
        const [B, T, D, H] = [8, 6, 20, 33];
        const weights = [tensor([D, 4 * H], 1), tensor([H, 4 * H], 2), tensor([4 * H], 3)];
        const labels = tf.tensor(
          Int32Array.from({ length: B * T }, (_, i) => i % H),
          [B * T],
          'int32',
        );
        const loss = (kernel: tf.Tensor, recurrentKernel: tf.Tensor, bias: tf.Tensor) => {
          const lengths = tf.tensor(
            Int32Array.from({ length: B }, (_, b) => b % (T + 1)),
            [B],
            'int32',
          );
          const { outputs } = lstm({ x: tensor([B, T, D], 4), kernel, recurrentKernel, bias, lengths });
          return tf.mean(softmaxCrossEntropy(tf.reshape(outputs, [B * T, H]), labels)) as tf.Scalar;
        };
        const gradients = tf.grads(loss as never)(weights);
        const next = weights.map((parameter, i) => {
          const zeros = tf.zerosLike(parameter);
          return adamStep({ parameter, gradient: gradients[i], m: zeros, v: zeros, learningRate: 0.1, step: 1 })
            .parameter;
        });
        return next.map((parameter) => Array.from(parameter.dataSync()));
      });
    const fresh = step();
    for (let i = 0; i < 5; i++) {
      for (const shape of [[20, 132], [33, 132], [132], [6, 8, 132], [8, 6, 33], [48, 33]]) {
        tf.dispose([0, 1, 2, 3, 4, 5].map(() => tf.fill(shape, NaN)));
      }
      expect(step()).toEqual(fresh);
    }
  });

  it('holds memory flat over thousands of steps', () => {
    const step = () =>
      tf.dispose(tf.tidy(() => tf.sum(tf.tanh(tf.matMul(tf.fill([64, 128], 1), tf.fill([128, 256], 1))))));
    for (let i = 0; i < 100; i++) step();
    const { allocations, inUse, free } = backend.poolStatistics();
    const native = backend.addon.memoryUse().inUse;
    const dataIds = backend.numDataIds();
    for (let i = 0; i < 3000; i++) step();
    expect(backend.poolStatistics()).toMatchObject({ allocations, inUse, free });
    expect(backend.addon.memoryUse().inUse).toBe(native);
    expect(backend.numDataIds()).toBe(dataIds);
  });

  it('holds memory flat in a synchronous loop through cpu kernels', () => {
    const step = () => tf.dispose(tf.tidy(() => tf.any(tf.greater(tf.fill([1 << 18], 1), 2))));
    for (let i = 0; i < 20; i++) step();
    const { allocations } = backend.poolStatistics();
    const start = process.memoryUsage().rss;
    for (let i = 0; i < 400; i++) step();
    expect(backend.poolStatistics().allocations).toBe(allocations);
    // 400 MB are copied for the cpu kernel; the collector frees them as it goes.
    expect(process.memoryUsage().rss - start).toBeLessThan(300e6);
  });

  it('lets the garbage collector free, during a synchronous loop, what nobody disposed', () => {
    const start = process.memoryUsage().rss;
    for (let i = 0; i < 300; i++) tf.fill([1 << 20], 1);
    // Without the collector it would be 1.2 GB.
    expect(process.memoryUsage().rss - start).toBeLessThan(800e6);
    before = tf.memory().numTensors;
  });

  it('moves tensors to the cpu backend and back', async () => {
    const x = tf.fill([SIZE], 7);
    await tf.setBackend('cpu');
    const y = tf.add(x, 1);
    await tf.setBackend('native');
    churn();
    const z = tf.add(x, y);
    expect(z.dataSync().every((value) => value === 15)).toBe(true);
    tf.dispose([x, y, z]);
  });

  it('leaves nothing behind when a kernel refuses its input', () => {
    const [logits, labels] = [tensor([2, 300]), tf.tensor1d([0, 300], 'int32')];
    const { inUse } = backend.poolStatistics();
    const dataIds = backend.numDataIds();
    expect(() => tf.tidy(() => softmaxCrossEntropy(logits, labels))).toThrow('got 300 at position 1');
    expect(backend.numDataIds()).toBe(dataIds);
    expect(backend.poolStatistics().inUse).toBe(inUse);
    tf.dispose([logits, labels]);
  });

  it('trains, saves and loads a model of tfjs-layers', async () => {
    const uniform = (seed: number) => tfl.initializers.glorotUniform({ seed });
    const model = tfl.sequential({
      layers: [
        tfl.layers.lstm({
          units: 8,
          inputShape: [5, 3],
          kernelInitializer: uniform(1),
          recurrentInitializer: uniform(2),
        }),
        tfl.layers.dense({ units: 1, activation: 'sigmoid', kernelInitializer: uniform(3) }),
      ],
    });
    model.compile({ optimizer: tf.train.adam(0.05), loss: 'binaryCrossentropy' });
    const x = tensor([16, 5, 3]);
    const y = tf.tidy(() => tf.reshape(tf.cast(tf.greater(tf.sum(x, [1, 2]), 0), 'float32'), [16, 1]));
    const history = await model.fit(x, y, { epochs: 15, verbose: 0, shuffle: false });
    const losses = history.history.loss as number[];
    expect(losses.at(-1)!).toBeLessThan(losses[0] * 0.7);

    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      }),
    );
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved!));
    const [a, b] = [model.predict(x) as tf.Tensor, loaded.predict(x) as tf.Tensor];
    expect(Array.from(b.dataSync())).toEqual(Array.from(a.dataSync()));
    tf.dispose([x, y, a, b]);
    model.dispose();
    loaded.dispose();
    tf.disposeVariables();
    before = tf.memory().numTensors;
  });
});
