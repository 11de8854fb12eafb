import { totalmem } from 'node:os';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { genericKernels } from '@cadenza/core';
import { activeNativeBackend, registerNativeBackend, selectBackend } from '../src/index.js';
import { loadAddon } from '../src/addon.js';
import { poolLimit } from '../src/registerNativeBackend.js';
import { smokeTest } from '../src/smokeTest.js';
import { restoreUtil } from '../src/tfjsNode.js';
import { isBuilt } from './onBoth.js';

describe('selectBackend', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it.skipIf(!isBuilt)('takes native when it is built, and says with what', async () => {
    const lines: string[] = [];
    const chosen = await selectBackend('auto', { threads: 1, log: (line) => lines.push(line) });
    expect(chosen).toMatchObject({ name: 'native', threads: 1, precision: 'f32' });
    expect(chosen.reason).toMatch(/^backend native: (AVX-512|AVX2|baseline instructions), 1 thread$/);
    expect(lines).toEqual([chosen.reason]);
    expect(tf.getBackend()).toBe('native');
    expect(activeNativeBackend()?.addon.threads()).toBe(1);
  });

  it('says why not native where another one must do', async () => {
    vi.stubEnv('CADENZA_NATIVE', 'off');
    const chosen = await selectBackend('auto');
    expect(['tensorflow', 'wasm', 'cpu']).toContain(chosen.name);
    expect(chosen.reason).toContain('; CADENZA_NATIVE=off');
    expect(tf.getBackend()).toBe(chosen.name === 'wasm' ? 'cadenza-wasm' : chosen.name);
    expect(activeNativeBackend()).toBeNull();
  });

  it.each(['wasm', 'cpu'] as const)('%s trains where it is asked for', async (name) => {
    const chosen = await selectBackend(name);
    expect(chosen).toMatchObject({ name, threads: 1 });
    expect(chosen.reason).toMatch(new RegExp(`^backend ${name}: `));
    const before = tf.memory().numTensors;
    expect(smokeTest).not.toThrow();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives tfjs-node the functions of util that Node 23 removed, and leaves those that are there', () => {
    const kept = () => true;
    const util: Parameters<typeof restoreUtil>[0] = { isArray: kept };
    restoreUtil(util);
    expect(util.isArray).toBe(kept);
    expect([null, undefined, 0, ''].map((value) => util.isNullOrUndefined!(value))).toEqual([true, true, false, false]);
  });

  it('takes the WebAssembly build by the name wasm, without tfjs-backend-wasm', async () => {
    const { reason } = await selectBackend('wasm');
    expect(reason).toBe('backend wasm: WebAssembly with SIMD, 1 thread');
    expect(tf.getBackend()).toBe('cadenza-wasm');
  });

  it('refuses a choice that is not possible, saying why', async () => {
    vi.stubEnv('CADENZA_NATIVE', 'off');
    await expect(selectBackend('native')).rejects.toMatchObject({
      name: 'BackendError',
      message: 'Expected the backend native to be usable here, got: CADENZA_NATIVE=off',
    });
    expect(() => registerNativeBackend()).toThrow(
      'Expected the native kernels to be there, got none: CADENZA_NATIVE=off',
    );
  });

  it('leaves the earlier backend active when a choice fails, whenever that is', async () => {
    await selectBackend('cpu');
    const mean = tf.getKernel('Mean', 'cadenza-wasm');
    tf.unregisterKernel('Mean', 'cadenza-wasm');
    await expect(selectBackend('wasm')).rejects.toThrow(
      'Expected the backend wasm to be usable here, got: wasm cannot train',
    );
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.ones([2]).dataSync()).toEqual(Float32Array.of(1, 1));
    tf.registerKernel(mean);
    expect((await selectBackend('wasm')).name).toBe('wasm');
  });

  it('never changes the precision silently', async () => {
    const chosen = await selectBackend('cpu', { precision: 'bf16' });
    expect(chosen.precision).toBe('f32');
    expect(chosen.reason).toContain('no bf16 here, f32 is used instead');
  });

  it.skipIf(!isBuilt)('takes bf16 where the CPU has it, says so, and goes back to f32', async () => {
    const { addon } = loadAddon();
    const best = addon!.isa();
    const name = { amxbf16: 'AMX with bf16', avx512bf16: 'AVX-512 with bf16' };
    const has = (['amxbf16', 'avx512bf16'] as const).find((isa) => addon!.setIsa(isa));
    addon!.setIsa(best);
    const isSlow = has === 'avx512bf16' && addon!.bf16Gain() < 1;
    const chosen = await selectBackend('native', { precision: 'bf16' });
    expect(chosen.precision).toBe(has && !isSlow ? 'bf16' : 'f32');
    const why = isSlow ? 'bf16 is slower than f32 on this CPU without AMX' : 'no bf16 instructions';
    expect(chosen.reason).toContain(has && !isSlow ? name[has] : `${why}, f32 is used instead`);
    expect((await selectBackend('native')).precision).toBe('f32');
    expect(addon!.isa()).toBe(best);
  });

  it.skipIf(!isBuilt)('takes no better instruction set than CADENZA_ISA, and says so', async () => {
    vi.stubEnv('CADENZA_ISA', 'baseline');
    const chosen = await selectBackend('native', { threads: 1, precision: 'bf16' });
    expect(chosen).toMatchObject({
      precision: 'f32',
      reason:
        'backend native: baseline instructions, 1 thread; CADENZA_ISA=baseline; no bf16 instructions, f32 is used instead',
    });
    expect(loadAddon().addon!.isa()).toBe('baseline');
    vi.stubEnv('CADENZA_ISA', 'sse9');
    await expect(selectBackend('auto')).rejects.toThrow(
      'Expected CADENZA_ISA to be one of amxbf16, avx512bf16, avx512, avx2, baseline, got "sse9"',
    );
    vi.unstubAllEnvs();
    await selectBackend('native');
    expect(loadAddon().addon!.isa()).not.toBe('sse9');
  });

  it('says when it cannot use as many threads as asked', async () => {
    expect((await selectBackend('cpu', { threads: 4 })).reason).toContain('1 thread, not 4');
  });

  it.each([
    [{ threads: 0 }, 'Expected threads to be an integer from 1 to 1024, got 0'],
    [{ threads: 1.5 }, 'Expected threads to be an integer from 1 to 1024, got 1.5'],
    [{ precision: 'f16' as never }, 'Expected precision to be f32 or bf16, got "f16"'],
    [{ thread: 2 } as object, 'Expected an option that selectBackend knows, got thread; did you mean threads?'],
  ])('refuses the options %o', async (options, message) => {
    await expect(selectBackend('auto', options)).rejects.toThrow(message);
  });

  it('refuses a backend it does not know', async () => {
    await expect(selectBackend('webgl' as never)).rejects.toThrow(
      'Expected backend to be one of auto, native, tensorflow, wasm, cpu, got "webgl"',
    );
  });

  it('keeps a quarter of the memory that a process may have for reuse', () => {
    const constrained = vi.spyOn(process, 'constrainedMemory');
    const limits = [400, 0, 2 ** 64].map((limit) => {
      constrained.mockReturnValue(limit);
      return poolLimit();
    });
    constrained.mockRestore();
    expect(limits).toEqual([100, totalmem() / 4, totalmem() / 4]);
    vi.stubGlobal('process', { ...process, constrainedMemory: undefined });
    expect(poolLimit()).toBe(totalmem() / 4);
    vi.unstubAllGlobals();
  });

  describe('its smoke test', () => {
    beforeAll(async () => {
      await tf.setBackend('cpu');
      tf.copyRegisteredKernels('cpu', 'broken');
      tf.registerBackend('broken', tf.findBackendFactory('cpu'));
    });

    it.each([
      ['does not learn', 'CadenzaAdam', { ...genericKernels }.CadenzaAdam, /its training step is wrong: losses/],
      ['lacks a kernel', 'CadenzaLSTMGrad', null, /CadenzaLSTMGrad/],
    ])('refuses a backend that %s', async (_, name, kernel, message) => {
      await tf.setBackend('broken');
      const original = tf.getKernel(name, 'broken');
      tf.unregisterKernel(name, 'broken');
      if (kernel) {
        const negated: tf.KernelFunc = (call) => {
          const outputs = kernel(call) as tf.TensorInfo[];
          (call.backend as { data: Map<object, { values: Float32Array }> }).data
            .get(outputs[0].dataId)!
            .values.fill(NaN);
          return outputs;
        };
        tf.registerKernel({ kernelName: name, backendName: 'broken', kernelFunc: negated });
      }
      expect(smokeTest).toThrow(message);
      if (kernel) tf.unregisterKernel(name, 'broken');
      tf.registerKernel(original);
    });
  });
});
