import '@tensorflow/tfjs-layers';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainAlgebra } from '../../src/ops/algebra.js';
import { gru, lstm, registerCadenzaKernels } from '../../src/ops/index.js';
import { differences, distance, draw } from './recurrentCases.js';

describe('plain algebra', () => {
  it('multiplies every size and transposition as the definition does', () => {
    const size = fc.integer({ min: 1, max: 9 });
    const property = fc.property(size, size, size, fc.boolean(), fc.boolean(), (M, K, N, transposeA, transposeB) => {
      const algebra = plainAlgebra(Float64Array);
      const a = Float64Array.from({ length: M * K }, (_, e) => Math.sin(e + 1));
      const b = Float64Array.from({ length: K * N }, (_, e) => Math.cos(e + 1));
      const out = new Float64Array(M * N).fill(7);
      algebra.multiply(out, a, transposeB ? algebra.matrix(b, N, K) : algebra.matrix(b, K, N), M, {
        transposeA,
        transposeB,
      });
      const wanted = Float64Array.from(out, (_, e) => {
        const [m, n] = [Math.floor(e / N), e % N];
        let sum = 0;
        for (let k = 0; k < K; k++)
          sum += a[transposeA ? k * M + m : m * K + k] * b[transposeB ? n * K + k : k * N + n];
        return sum;
      });
      expect(distance(out, wanted)).toBeLessThan(1e-12);
    });
    fc.assert(property, { numRuns: 300 });
  });
});

describe("a backend's own matrix product", () => {
  const before = tf.getBackend();
  let products = 0;

  beforeAll(async () => {
    tf.registerBackend('other', () => new MathBackendCPU());
    tf.copyRegisteredKernels('cpu', 'other');
    const counted = tf.getKernel('BatchMatMul', 'other');
    tf.unregisterKernel('BatchMatMul', 'other');
    tf.registerKernel({
      ...counted,
      kernelFunc: (call) => {
        products++;
        return counted.kernelFunc(call);
      },
    });
    registerCadenzaKernels('other');
    await tf.setBackend('other');
  });
  afterAll(async () => {
    await tf.setBackend(before || 'cpu');
    tf.removeBackend('other');
  });

  it.each([
    ['lstm', lstm, 4],
    ['gru', gru, 3],
  ] as const)('gives %s the same results and gradients, and keeps nothing', async (_name, run, gates) => {
    const [B, T, D, H] = [8, 9, 32, 32];
    const compute = () => {
      const { floats } = draw(4);
      const args = {
        x: floats([B, T, D]),
        kernel: floats([D, gates * H], 0.2),
        recurrentKernel: floats([H, gates * H], 0.2),
        bias: floats(gates === 3 ? [2, 3 * H] : [4 * H], 0.2),
      };
      const { outputs, h } = run(args);
      const [dx, dkernel, drecurrentKernel] = tf.grads((x, kernel, recurrentKernel) =>
        tf.sum(tf.square(run({ ...args, x, kernel, recurrentKernel }).outputs)),
      )([args.x, args.kernel, args.recurrentKernel]);
      return { outputs, h, dx, dkernel, drecurrentKernel };
    };
    const memory = tf.memory().numTensors;
    const data = tf.engine().backend.numDataIds();
    products = 0;
    const [got, values] = tf.tidy(() => {
      const results = compute();
      return [results, Object.values(results).map((tensor) => tensor.dataSync().slice())];
    });
    expect(products).toBeGreaterThan(4);
    tf.dispose(got);
    expect(tf.memory().numTensors).toBe(memory);
    expect(tf.engine().backend.numDataIds()).toBe(data);

    await tf.setBackend('cpu');
    tf.tidy(() => {
      const wanted = compute();
      const names = Object.keys(wanted);
      const other = Object.fromEntries(names.map((name, k) => [name, tf.tensor(values[k])]));
      // Sums of up to 72 terms in another order.
      expect(differences(other, wanted, 1e-5)).toEqual([]);
    });
    await tf.setBackend('other');
  });
});
