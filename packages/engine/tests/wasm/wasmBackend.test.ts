import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import {
  Random,
  RecurrentLanguageModel,
  clipFactor,
  createOptimizer,
  globalNorm,
  softmaxCrossEntropy,
} from '@cadenza/core';
import { registerNativeKernels } from '../../src/kernels/index.js';
import { WasmInstance } from '../../src/wasm/wasmAddon.js';
import { WasmBackend } from '../../src/wasm/wasmBackend.js';
import { WebAssembly } from '../../src/wasm/webAssembly.js';
import { expectAgreement, nativeBackends, tensor } from '../onBoth.js';

const SIZE = 4096;
const MEGABYTE = 1 << 20;
const wasmModule = new WebAssembly.Module(readFileSync(new URL('../../wasm/cadenza.wasm', import.meta.url)));

/** Makes a backend with a memory of its own the active one, so that the first kernels have to let it grow. */
async function freshBackend(): Promise<WasmBackend> {
  const name = 'fresh-wasm';
  if (tf.findBackendFactory(name) !== null) tf.removeBackend(name);
  const backend = new WasmBackend(name, await WasmInstance.create(wasmModule));
  registerNativeKernels(name);
  tf.registerBackend(name, () => backend);
  await tf.setBackend(name);
  return backend;
}

describe('the WebAssembly backend', () => {
  let backend: WasmBackend;
  let before: number;

  beforeEach(async () => {
    backend = await freshBackend();
    before = tf.memory().numTensors;
  });
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(before);
    expect(backend.poolStatistics().inUse).toBe(0);
    tf.removeBackend('fresh-wasm');
  });

  it('refuses a detached array, and keeps none of its memory', () => {
    const { addon } = backend;
    const gone = new Float32Array(8);
    structuredClone(gone, { transfer: [gone.buffer] });
    const { inUse } = addon.memoryUse();
    for (let i = 0; i < 3; i++) {
      expect(() => addon.lerp(new Float32Array(8), gone, 0.5, new Float32Array(8))).toThrow(
        'Expected b to be a Float32Array of length 8, got a Float32Array of length 0',
      );
    }
    expect(addon.memoryUse().inUse).toBe(inUse);
  });

  it('wants no scratch of more bytes than its sizes count', () => {
    const none = new Float32Array(0);
    const run = () => backend.addon.lockedDropout(32768, 0, 32769, none, 0.5, 1, 2, none);
    expect(run).not.toThrow();
  });

  it('computes through every growth of its memory', () => {
    const { buffer } = backend.heap;
    const kept: tf.Tensor[] = [];
    for (let i = 0; i < 3; i++) {
      // Several outputs, whose memory the later ones detach, and scratch that grows inside the module.
      const x = tf.fill([2, MEGABYTE], i);
      kept.push(...tf.tidy(() => [tf.add(x, 1), tf.transpose(x), tf.concat([x, x], 1), tf.sum(x, 1)]), x);
    }
    expect(backend.heap.buffer).not.toBe(buffer);
    kept.forEach((result, index) => {
      const i = Math.floor(index / 5);
      const expected = [i + 1, i, i, i * MEGABYTE, i][index % 5];
      const wrong = result.dataSync().findIndex((value) => value !== expected);
      expect([index, wrong]).toEqual([index, -1]);
    });
    tf.dispose(kept);
  });

  it('runs a kernel again whose second output detached the view of its first', () => {
    const size = 3 * MEGABYTE;
    let runs = 0;
    const infos = backend.discardingOutputs(() => {
      runs++;
      const [first, second] = [backend.output([size]), backend.output([8 * size])];
      first.values.fill(1);
      second.values.fill(2);
      return [first.info, second.info];
    });
    expect(runs).toBeGreaterThan(1);
    expect(backend.floats(infos[0]).every((value) => value === 1)).toBe(true);
    expect(backend.floats(infos[1]).every((value) => value === 2)).toBe(true);
    expect(backend.poolStatistics().inUse).toBe(9 * size * 4);
    for (const { dataId } of infos) backend.disposeData(dataId);
  });

  it('moves numbers from JavaScript into its memory once, and gives copies of it', () => {
    const mine = new Float32Array(SIZE).fill(3);
    const x = tf.tensor1d(mine);
    expect(backend.poolStatistics().inUse).toBe(0);
    const y = tf.add(x, x);
    const { inUse, allocations } = backend.poolStatistics();
    expect(inUse).toBe(2 * SIZE * 4);
    tf.dispose(tf.add(x, y));
    expect(backend.poolStatistics().allocations).toBe(allocations + 1);
    const read = x.dataSync();
    mine.fill(0);
    tf.dispose([x, y]);
    tf.dispose(tf.fill([SIZE], 9));
    expect(read.every((value) => value === 3)).toBe(true);
  });

  it('holds memory flat over thousands of steps', () => {
    const step = (rows: number) =>
      tf.dispose(tf.tidy(() => tf.sum(tf.tanh(tf.matMul(tf.fill([rows, 64], 1), tf.fill([64, 128], 1))))));
    for (let i = 0; i < 50; i++) step(16 + (i % 32));
    const { byteLength } = backend.heap.buffer;
    const native = backend.addon.memoryUse();
    for (let i = 0; i < 3000; i++) step(16 + (i % 32));
    expect(backend.heap.buffer.byteLength).toBe(byteLength);
    expect(backend.addon.memoryUse()).toEqual(native);
  });

  it('says that memory ran out at 4 GB, and goes on', () => {
    const kept: tf.Tensor[] = [];
    // The pages are never touched.
    const gigabyte = () => tf.engine().makeTensorFromTensorInfo(backend.output([1 << 28]).info);
    const fill = () => {
      for (let i = 0; i < 5; i++) kept.push(gigabyte());
    };
    expect(fill).toThrow('Expected enough memory for the tensors, got none: WebAssembly addresses 4 GB at most');
    expect(kept).toHaveLength(3);
    const x = tf.fill([SIZE], 2);
    expect(tf.tidy(() => tf.sum(tf.square(x))).dataSync()[0]).toBe(4 * SIZE);
    expect(() => backend.output([1 << 29])).toThrow('got none');
    kept.pop()!.dispose();
    kept.push(gigabyte());
    tf.dispose([...kept, x]);
    tf.disposeVariables();
    before = tf.memory().numTensors;
  });

  it('leaves nothing behind when the module refuses arguments, and says what the addon says', () => {
    const [logits, labels] = [tensor([2, 300]), tf.tensor1d([0, 300], 'int32')];
    const native = backend.addon.memoryUse();
    for (let i = 0; i < 100; i++) {
      expect(() => tf.tidy(() => softmaxCrossEntropy(logits, labels))).toThrow('got 300 at position 1');
    }
    expect(backend.addon.memoryUse()).toEqual({ ...native, inUse: backend.poolStatistics().inUse, buffers: 1 });
    const [x, y] = [new Float32Array(3), new Float32Array(4)];
    expect(() => backend.addon.unary(0, x, y)).toThrow(
      'Expected y to be a Float32Array of length 3, got a Float32Array of length 4',
    );
    expect(() => backend.addon.unary(99, x, x)).toThrow('Expected operation to be an integer from 0 to 10, got 99');
    tf.dispose([logits, labels]);
  });

  it('frees packed weights when told, and what was freed is refused', () => {
    const { addon } = backend;
    const before = addon.memoryUse().inUse;
    const packed = addon.packRnn(64, new Float32Array(64 * 64));
    expect(addon.memoryUse().inUse).toBeGreaterThan(before);
    addon.freePacked(packed);
    expect(addon.memoryUse().inUse).toBe(before);
    expect(() => addon.freePacked({} as never)).toThrow('Expected packed to be packed weights, got something else');
  });
});

describe('training', () => {
  /** The losses of ten steps of a small language model, with everything that core's trainer does. */
  async function losses(backendName: string): Promise<number[]> {
    await tf.setBackend(backendName);
    const model = new RecurrentLanguageModel(
      { vocabularySize: 13, embeddingSize: 17, hiddenSize: 33, layers: 2 },
      new Random(3),
    );
    const optimizer = createOptimizer({ name: 'adam' });
    const names = new Map(Array.from(model.parameters, ([name, variable]) => [variable.name, name]));
    const random = new Random(4);
    const draw = () => Int32Array.from({ length: 7 * 9 }, () => random.integer(13));
    const [ids, targets] = [draw(), draw()];
    const result: number[] = [];
    for (let step = 0; step < 10; step++) {
      const value = tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => {
          const [x, y] = [ids, targets].map((values) => tf.tensor2d(values, [7, 9], 'int32'));
          return model.loss(x, y, model.initialState(7)).loss;
        }, [...model.parameters.values()]);
        const gradients = new Map(Object.entries(grads).map(([name, gradient]) => [names.get(name)!, gradient]));
        const gradientScale = clipFactor(globalNorm([...gradients.values()]), 1);
        optimizer.apply(model.parameters, gradients, { learningRate: 0.02, gradientScale });
        return value.dataSync()[0];
      });
      result.push(value);
    }
    tf.dispose([...optimizer.state().values()]);
    model.dispose();
    return result;
  }

  it.each(nativeBackends)('on %s gives the losses that cpu gives', async (name) => {
    const [expected, actual] = [await losses('cpu'), await losses(name)];
    expect(expected[9]).toBeLessThan(expected[0] - 0.3);
    const values = (numbers: number[]) => [{ shape: [10], dtype: 'float32', values: Float32Array.from(numbers) }];
    // Ten updates by Adam, which divides by gradients' sizes, carry rounding on.
    expectAgreement(values(actual), values(expected), 2e-4);
  });
});
