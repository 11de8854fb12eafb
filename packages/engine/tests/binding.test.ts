import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { loadAddon, type Addon, type PackedWeights } from '../src/addon.js';
import { addonCalls } from './addonCalls.js';
import { isBuilt, numbers } from './onBoth.js';

const addon = loadAddon().addon as Addon;
const file = fileURLToPath(new URL('../build/cadenza.node', import.meta.url));
const f = (size: number) => new Float32Array(size);

/** Arguments of lstmForward that are right: no projection, B 2, T 3, D 4, H 5. */
function lstmArguments(): Parameters<Addon['lstmForward']> {
  const [B, T, D, H] = [2, 3, 4, 5];
  return [
    ...([0, B, T, D, H, 0, numbers(B * T * D), null, numbers(D * 4 * H), numbers(H * 4 * H)] as const),
    ...([f(4 * H), f(B * H), f(B * H), null, 0, null, null, null, null] as const),
    ...([null, null, null, 0, false, null] as const),
    ...([f(B * T * H), f(B * H), f(B * H), f(T * B * 4 * H), f(T * B * H), null] as const),
  ];
}

/** Calls a function of the addon with one argument replaced. */
function withArgument(index: number, value: unknown) {
  const given = lstmArguments() as unknown[];
  given[index] = value;
  return () => (addon.lstmForward as (...all: unknown[]) => void)(...given);
}

describe.skipIf(!isBuilt)('the binding', () => {
  it('accepts right arguments', () => {
    expect(() => addon.lstmForward(...lstmArguments())).not.toThrow();
  });

  it.each([
    [1, -1, 'Expected batch to be an integer from 0 to 2147483647, got -1'],
    [1, 1.5, 'Expected batch to be an integer from 0 to 2147483647, got 1.5'],
    [1, NaN, 'Expected batch to be an integer'],
    [4, '5', 'Expected hidden to be an integer from 0 to 2147483647, got a string'],
    [1, 2147483647, 'Expected x to be a Float32Array of length 25769803764'],
    [4, 2147483647, 'Expected kernel to be a Float32Array of length 34359738352'],
    [6, f(23), 'Expected x to be a Float32Array of length 24, got a Float32Array of length 23'],
    [6, new Float64Array(24), 'Expected x to be a Float32Array of length 24, got a Float64Array of length 24'],
    [6, [1, 2, 3], 'Expected x to be a Float32Array of length 24, got an object'],
    [6, null, 'Expected one of x and ids to be given, got none'],
    [7, new Int32Array(6), 'Expected one of x and ids to be given, got both'],
    [8, null, 'Expected kernel to be given'],
    [9, null, 'Expected recurrentKernel to be given'],
    [19, Int32Array.of(1, 4), 'Expected lengths[1] to be in [0, 4), got 4'],
    [19, Int32Array.of(1, 2, 3), 'Expected lengths to be a Int32Array of length 2'],
    [23, 1, 'Expected reverse to be a boolean, got 1'],
    [24, {}, 'Expected packed to be packed weights'],
    [25, undefined, 'Expected y to be a Float32Array of length 30, got undefined'],
    [0, 5, 'Expected projected to be 0 without a projection, got 5'],
    [15, f(15), 'Expected projection to be a Float32Array of length 0, got a Float32Array of length 15'],
    [16, f(39), 'Expected normInput to be a Float32Array of length 40, got a Float32Array of length 39'],
    [18, f(11), 'Expected normCell to be a Float32Array of length 10, got a Float32Array of length 11'],
    [30, f(120), 'Expected extra to be null without normRecurrent, got an array'],
  ])('refuses argument %i = %s', (index, value, message) => {
    expect(withArgument(index, value)).toThrow(message);
    expect(withArgument(index, value)).toThrow(TypeError);
  });

  it('refuses too few arguments', () => {
    expect(() => (addon.lerp as (...all: unknown[]) => void)(f(2))).toThrow('Expected b to be given, got nothing');
    expect(() => (addon.gemm as () => void)()).toThrow('Expected m to be given');
  });

  it('refuses ids out of range, naming the first', () => {
    expect(() => addon.embeddingForward(4, 2, f(8), Int32Array.of(0, 3, 4, -1), f(8))).toThrow(
      'Expected ids[2] to be in [0, 4), got 4',
    );
    expect(() => addon.softmaxCrossEntropyForward(2, 3, 0, f(6), Int32Array.of(-1, -2), f(2), f(2))).toThrow(
      'Expected labels[1] to be in [-1, 3), got -2',
    );
  });

  it('refuses an output that shares memory with an input', () => {
    const memory = f(16);
    expect(() => addon.lerp(memory.subarray(0, 8), f(8), 0.5, memory.subarray(4, 12))).toThrow(
      'Expected y to be apart',
    );
    expect(() => addon.lerp(memory.subarray(0, 8), f(8), 0.5, memory.subarray(8))).not.toThrow();
  });

  it('refuses a detached array', () => {
    const gone = f(8);
    structuredClone(gone, { transfer: [gone.buffer] });
    expect(() => addon.lerp(f(8), gone, 0.5, f(8))).toThrow(
      'Expected b to be a Float32Array of length 8, got a Float32Array of length 0',
    );
  });

  it('refuses walks that leave their arrays', () => {
    const walk = (...all: number[]) => Int32Array.from(all);
    expect(() => addon.copyStrided(walk(4, 1, 1), f(4), 1, 4, f(4), 0)).toThrow(
      'Expected the walk over from to be inside its 4 elements',
    );
    expect(() => addon.copyStrided(walk(4, -1, 1), f(4), 2, 4, f(4), 0)).toThrow('got elements -1 to 2');
    expect(() => addon.copyStrided(walk(4, -1, 1), f(4), 3, 4, f(4), 0)).not.toThrow();
    expect(() => addon.binary(0, walk(4, 1, 1), f(4), f(3), f(4))).toThrow('the walk over b');
    expect(() => addon.binary(7, walk(4, 1, 1), f(4), f(4), f(4))).toThrow(
      'Expected operation to be an integer from 0 to 6, got 7',
    );
    expect(() => addon.binary(0, walk(-4, 1, 1), f(4), f(4), f(4))).toThrow('shape');
    expect(() => addon.binary(0, new Int32Array(27), f(4), f(4), f(1))).toThrow('at most 8 axes');
  });

  it('refuses packed weights that were freed or belong to another cell or size', () => {
    const packed = addon.packLstm(4, 5, null, numbers(100));
    expect(withArgument(24, packed)).not.toThrow();
    const other = addon.packGru(true, 5, numbers(75));
    expect(withArgument(24, other)).toThrow('Expected packed to be weights of the same cell');
    expect(withArgument(24, addon.packLstm(4, 6, null, numbers(144)))).toThrow(
      'Expected packed to be weights of input 4 and hidden 5',
    );
    addon.freePacked(packed);
    addon.freePacked(packed);
    expect(withArgument(24, packed)).toThrow('Expected packed to be alive');
  });

  it('keeps packed weights that are freed meanwhile until what it has gathered is done', () => {
    const [D, H] = [4, 5];
    const call = (packed: PackedWeights) => {
      const given = lstmArguments();
      given[24] = packed;
      return given;
    };
    const pack = (factor: number) =>
      addon.packLstm(
        D,
        H,
        null,
        numbers(H * 4 * H).map((value) => factor * value),
      );
    const alone = call(pack(1));
    addon.lstmForward(...alone);
    const first = call(pack(1));
    addon.together(() => {
      addon.lstmForward(...first);
      addon.freePacked(first[24]!);
      addon.lstmForward(...call(pack(-3))); // made where the freed ones lay, if those are gone
    });
    expect(first[25]).toEqual(alone[25]);
  });

  it('refuses packed weights for gradients, which are taken with the weights as they lie', () => {
    const [D, H] = [4, 5];
    const packed = {
      lstmBackward: addon.packLstm(D, H, null, numbers(H * 4 * H)),
      gruBackward: addon.packGru(true, H, numbers(H * 3 * H)),
      rnnBackward: addon.packRnn(H, numbers(H * H)),
    };
    const backward = addonCalls(addon).filter(([name]) => name in packed);
    expect(backward).toHaveLength(6);
    for (const [name, given] of backward) {
      const all = given.map(({ name: argument, value }) => {
        if (/^norm/.test(argument) || argument === 'extra' || argument.startsWith('dnorm')) return null;
        return argument === 'packed' ? packed[name as keyof typeof packed] : value;
      });
      const run = () => (addon[name] as (...all: unknown[]) => void)(...all);
      expect(run).toThrow('Expected packed to be null for gradients, got packed weights');
    }
  });

  it('gathers what recurrent kernels have to do, and does it at the end', () => {
    const [first, second, alone] = [lstmArguments(), lstmArguments(), lstmArguments()];
    addon.lstmForward(...alone);
    const outputs = [first, second].map((given) => given[25]);
    let before: number[] = [];
    addon.together(() => {
      addon.lstmForward(...first);
      addon.lstmForward(...second);
      before = outputs.map((y) => y[0]);
    });
    expect(before).toEqual([0, 0]);
    expect(outputs).toEqual([alone[25], alone[25]]);
    expect(alone[25][0]).not.toBe(0);
  });

  it('does nothing of what it has gathered when the function throws, and goes on as before', () => {
    const [given, after] = [lstmArguments(), lstmArguments()];
    const fails = () =>
      addon.together(() => {
        addon.lstmForward(...given);
        withArgument(1, -1)();
      });
    expect(fails).toThrow('Expected batch to be an integer from 0 to 2147483647, got -1');
    expect(given[25].every((value) => value === 0)).toBe(true);
    addon.lstmForward(...after);
    expect(after[25][0]).not.toBe(0);
    expect(() => (addon.together as (...all: unknown[]) => void)(5)).toThrow('Expected run to be a function');
  });

  it('survives whatever it is called with', () => {
    const anything = fc.oneof(
      fc.constantFrom<unknown>(
        null,
        undefined,
        true,
        -1,
        0,
        1,
        2,
        3,
        7,
        1e9,
        NaN,
        'x',
        {},
        [],
        () => 0,
        Symbol('s'),
        5n,
      ),
      fc.nat(12).map((size) => new Float32Array(size)),
      fc.nat(12).map((size) => new Int32Array(size)),
      fc.nat(12).map((size) => new Uint8Array(size)),
    );
    const names = Object.keys(addon).filter((name) => !['interface', 'setThreads', 'setIsa'].includes(name));
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.array(anything, { maxLength: 26 }), (name, given) => {
        try {
          (addon as unknown as Record<string, (...all: unknown[]) => void>)[name](...given);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('chooses an instruction set by name, and keeps its own when there is no such one', () => {
    const own = addon.isa();
    expect(addon.setIsa('sse9')).toBe(false);
    expect(addon.isa()).toBe(own);
    expect(addon.setIsa('baseline')).toBe(true);
    expect(addon.isa()).toBe('baseline');
    expect(addon.setIsa('')).toBe(true);
    expect(addon.isa()).toBe(own);
  });

  it('counts the operations of the tile that products are made of, and refuses to run it for long', () => {
    const once = addon.l1Product(1);
    expect(once).toBeGreaterThan(0);
    expect(addon.l1Product(10)).toBe(10 * once);
    expect(() => addon.l1Product(1e9)).toThrow('Expected repeats to be an integer from 0 to 10000, got 1000000000');
  });

  it('refuses a packed matrix of another size, and one without elements', () => {
    const packed = addon.packMatrix(4, 3, numbers(12), false);
    const multiply = (k: number, n: number) => () =>
      addon.gemmPacked(2, n, k, numbers(2 * k), false, packed, null, 0, new Float32Array(2 * n));
    expect(multiply(4, 3)).not.toThrow();
    expect(multiply(3, 3)).toThrow('Expected packed to be weights of depth 3 and columns 3, got 4 and 3');
    expect(multiply(4, 2)).toThrow('Expected packed to be weights of depth 4 and columns 2, got 4 and 3');
    expect(() => addon.packMatrix(0, 3, numbers(0), false)).toThrow('Expected a packed matrix to be one with elements');
    addon.freePacked(packed);
    expect(multiply(4, 3)).toThrow('Expected packed to be alive');
  });

  it('refuses packed weights of another instruction set', () => {
    const packed = addon.packLstm(4, 5, null, numbers(100));
    const own = addon.isa();
    if (own === 'baseline') return;
    addon.setIsa('baseline');
    try {
      expect(withArgument(24, packed)).toThrow(`Expected packed to be made for baseline, got weights made for ${own}`);
    } finally {
      addon.setIsa('');
    }
  });

  it('sets threads, and gives the same bits with any number of them', () => {
    const before = addon.threads();
    const results = [1, 2, 3, 4].map((threads) => {
      addon.setThreads(threads);
      expect(addon.threads()).toBe(threads);
      const c = f(97 * 61);
      addon.gemm(97, 61, 300, 1, true, true, numbers(97 * 300), false, numbers(300 * 61, 2), false, null, 0, c);
      const given = lstmArguments();
      addon.lstmForward(...given);
      return [Array.from(c), Array.from(given[25])];
    });
    addon.setThreads(before);
    for (const result of results) expect(result).toEqual(results[0]);
    expect(() => addon.setThreads(0)).toThrow('Expected threads to be an integer from 1 to 1024, got 0');
  });

  it('refuses shapes of more elements than there can be', () => {
    expect(() => addon.lockedDropout(2147483647, 2147483647, 2, f(1), 0.5, 1, 2, f(1))).toThrow('at most 2^40');
  });

  it('finds the aligned byte of a buffer and refuses what is none', () => {
    for (const bytes of [64, 1000, 1 << 20, 5 << 20]) {
      const offset = addon.prepareMemory(new ArrayBuffer(bytes));
      expect(offset).toBeLessThan(64);
      expect(offset % Float32Array.BYTES_PER_ELEMENT).toBe(0);
    }
    expect(() => addon.prepareMemory(f(3) as never)).toThrow('Expected buffer to be an ArrayBuffer');
  });

  it('computes in two worker threads at once, and ends with them', async () => {
    const program = `
      const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData);
      const [a, b, c] = [new Float32Array(128 * 128).fill(0.5), new Float32Array(128 * 128).fill(2), new Float32Array(128 * 128)];
      const packed = addon.packRnn(16, new Float32Array(256));
      for (let i = 0; i < 200; i++) addon.gemm(128, 128, 128, 1, true, true, a, false, b, false, null, 0, c);
      parentPort.postMessage(c[77]);
    `;
    const run = () =>
      new Promise((resolve, reject) => {
        const worker = new Worker(program, { eval: true, workerData: file });
        let message: unknown;
        worker.on('message', (value) => (message = value)).on('error', reject);
        worker.on('exit', (code) => resolve([code, message]));
      });
    expect(await Promise.all([run(), run()])).toEqual([
      [0, 128],
      [0, 128],
    ]);
    expect(await run()).toEqual([0, 128]);
  });

  it.each(['', 'process.exit(7)', "setTimeout(() => process.kill(process.pid, 'SIGTERM'), 20)"])(
    'lets the process end cleanly after work: %s',
    (ending) => {
      const program = `
        const addon = require(${JSON.stringify(file)});
        addon.setThreads(3);
        const [a, c] = [new Float32Array(512 * 512), new Float32Array(512 * 512)];
        addon.gemm(512, 512, 512, 1, true, true, a, false, a.slice(), false, null, 0, c);
        globalThis.packed = addon.packRnn(16, new Float32Array(256));
        new (require('node:worker_threads').Worker)('require(require("node:worker_threads").workerData); setInterval(() => {}, 9)', { eval: true, workerData: ${JSON.stringify(file)} }).unref();
        ${ending};
      `;
      const { status, signal, stderr } = spawnSync(process.execPath, ['-e', program], {
        encoding: 'utf8',
        timeout: 30_000,
      });
      expect(stderr).toBe('');
      expect([status, signal]).toEqual(ending.includes('exit') ? [7, null] : ending ? [null, 'SIGTERM'] : [0, null]);
    },
  );
});
