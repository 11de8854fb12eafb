import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { loadAddon, type Addon } from '../src/addon.js';
import { addonCalls, type Argument } from './addonCalls.js';
import { isBuilt } from './onBoth.js';

const addon = loadAddon().addon as Addon;
const functions = addon as unknown as Record<string, (...given: unknown[]) => unknown>;

type Numbers = Float32Array | Int32Array;
const isNumbers = (value: unknown): value is Numbers => value instanceof Float32Array || value instanceof Int32Array;

/** A copy for one call: what it writes is seen by no other. Packed weights go as they are. */
const fresh = ({ value }: Argument): unknown => (isNumbers(value) ? value.slice() : value);

const NO_SIZES = [-1, 1.5, NaN, Infinity, 2 ** 31, -(2 ** 53), '3', true, {}, [], null, undefined, 3n, Symbol('s')];

function detached(values: Numbers): unknown {
  const gone = values.slice();
  structuredClone(gone, { transfer: [gone.buffer] });
  return gone;
}

/** An array that grew shorter than its view. */
function shrunk(values: Numbers): unknown {
  const Resizable = ArrayBuffer as unknown as new (
    bytes: number,
    options: object,
  ) => ArrayBuffer & { resize(bytes: number): void };
  const buffer = new Resizable(values.byteLength, { maxByteLength: values.byteLength + 64 });
  const view = values instanceof Int32Array ? new Int32Array(buffer) : new Float32Array(buffer);
  if (buffer.byteLength >= 4 && 'resize' in buffer) buffer.resize(buffer.byteLength - 4);
  else return detached(values);
  return view;
}

function shared(values: Numbers): unknown {
  const view = new Int32Array(new SharedArrayBuffer(values.byteLength));
  view.set(values);
  return view;
}

function wrongArrays(values: Numbers, { optional = false, anyLength = false }: Argument): unknown[] {
  const Other = values instanceof Int32Array ? Float32Array : Int32Array;
  const Same = values instanceof Int32Array ? Int32Array : Float32Array;
  const same = [
    new Same(values.length + 1),
    new Same(Math.max(0, values.length - 1)),
    detached(values),
    shrunk(values),
  ];
  const others = [new Other(values.length), new Float64Array(values.length), new Uint8Array(4 * values.length)];
  const rest = [values.buffer, new DataView(values.buffer), Array.from(values), values.length, 'x', {}, () => 0];
  return [...(anyLength ? [] : same), ...others, ...rest, ...(optional ? [] : [null, undefined])];
}

/** Values that must not be taken for an argument, whatever the others are. */
function wrongValues(argument: Argument): unknown[] {
  const { kind, value, wrong = [], optional = false } = argument;
  const nothing = [null, undefined];
  switch (kind) {
    case 'size':
      return [...NO_SIZES, ...wrong];
    case 'number':
      return ['1', true, {}, 1n, ...nothing, ...wrong];
    case 'word':
      return [-1, 2 ** 32, 0.5, NaN, '1', ...nothing];
    case 'choice':
      return [-1, 0.5, NaN, 2 ** 32, Infinity, '0', ...nothing, ...wrong];
    case 'flag':
      return [0, 1, 'true', {}, ...nothing];
    case 'text':
      return [0, {}, ...nothing];
    case 'buffer':
      return [new Float32Array(3), {}, 3, ...nothing];
    case 'function':
      return [{}, 3, 'run', ...nothing];
    case 'packed':
      return [{}, 3, new Float32Array(4), ...(optional ? [] : nothing)];
    default: {
      if (!isNumbers(value)) return [new Float64Array(3), {}, 3];
      return [
        ...wrongArrays(value, argument),
        ...wrong,
        ...(value instanceof Int32Array && kind === 'integers' ? [shared(value)] : []),
      ];
    }
  }
}

/** What a call throws; null when it throws nothing. */
function thrownBy(name: string, given: unknown[]): unknown {
  try {
    functions[name](...given);
    return null;
  } catch (error) {
    return error;
  }
}

describe.skipIf(!isBuilt)('every function of the addon', () => {
  const calls = isBuilt ? addonCalls(addon) : [];

  it('stands in the table of right calls, which has no other', () => {
    const known = new Set(calls.map(([name]) => name));
    const there = Object.keys(addon).filter((name) => name !== 'interface');
    expect(
      there.filter((name) => !known.has(name as keyof Addon)),
      'without a line in addonCalls.ts',
    ).toEqual([]);
    expect([...known].filter((name) => !there.includes(name))).toEqual([]);
  });

  it.each(calls)('%s takes right arguments', (name, given) => {
    expect(thrownBy(name, given.map(fresh))).toBeNull();
  });

  it.each(calls)('%s refuses wrong arguments with one clear line', (name, given) => {
    given.forEach((argument, index) => {
      for (const [number, wrong] of wrongValues(argument).entries()) {
        const error = thrownBy(
          name,
          given.map((other, at) => (at === index ? wrong : fresh(other))),
        );
        const what = `${name}: ${argument.name}, number ${number}: ${Object.prototype.toString.call(wrong)}`;
        expect(error, what).toBeInstanceOf(TypeError);
        expect((error as Error).message, what).toMatch(/^Expected [^\n]+ to be [^\n]+, got [^\n]+$/);
      }
    });
  });

  it.each(calls)('%s names the argument that is missing', (name, given) => {
    for (let count = 0; count < given.length; count++) {
      if (given.slice(count).every(({ optional }) => optional)) continue;
      const error = thrownBy(name, given.slice(0, count).map(fresh));
      expect(String(error)).toMatch(/^TypeError: Expected .* to be given, got n/);
    }
  });

  it.each(calls)('%s refuses outputs that share memory with any other array', (name, given) => {
    given.forEach((argument, index) => {
      if (argument.kind !== 'output' || argument.value === null) return;
      given.slice(0, index).forEach((other, at) => {
        if (!isNumbers(other.value) || other.value.length === 0) return;
        const mine = argument.value as Numbers;
        const buffer = new ArrayBuffer(4 * (mine.length + other.value.length - 1));
        const theirs = new (other.value.constructor as Float32ArrayConstructor)(buffer, 0, other.value.length);
        theirs.set(other.value);
        // They share one element.
        const place = 4 * (other.value.length - 1);
        const overlapping = new (mine.constructor as Float32ArrayConstructor)(buffer, place, mine.length);
        const all = given.map((each, i) => (i === at ? theirs : i === index ? overlapping : fresh(each)));
        expect(String(thrownBy(name, all))).toMatch(
          new RegExp(`^TypeError: Expected ${argument.name} to be apart from the other arrays`),
        );
      });
    });
  });

  it('survives right calls with any arguments of other kinds in their midst', { timeout: 120_000 }, () => {
    const before = { threads: addon.threads(), isa: addon.isa(), buffers: addon.memoryUse().buffers };
    const length = fc.oneof(fc.nat(130), fc.constantFrom(0, 1, 24, 30, 100));
    const anything = fc.oneof(
      fc.constantFrom<unknown>(null, undefined, true, false, -1, 0, 1, 2, 3, 7, 2 ** 31 - 1, 2 ** 31, NaN, 'x', {}, 5n),
      length.map((n) => new Float32Array(n)),
      length.map((n) => new Int32Array(n)),
      length.map((n) => new Int32Array(n).fill(2 ** 31 - 1)),
      length.map((n) => new Uint16Array(n)),
      length.map((n) => new Int8Array(n)),
    );
    const usable = calls.filter(([name]) => !['setThreads', 'setIsa', 'freePacked'].includes(name));
    const changes = fc.array(fc.tuple(fc.nat(40), anything), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...usable), changes, ([name, given], changed) => {
        const all = given.map(fresh);
        for (const [at, value] of changed) if (all.length > 0) all[at % all.length] = value;
        const error = thrownBy(name, all);
        if (error !== null) expect(String(error)).toMatch(/^(Type)?Error: [^\n]+$/);
      }),
      { numRuns: 5000 },
    );
    expect([addon.threads(), addon.isa()]).toEqual([before.threads, before.isa]);
  });

  it('refuses walks that overflow, leave their arrays or write an element twice', () => {
    const far = 2 ** 31 - 1;
    const copy = (...walk: number[]) =>
      thrownBy('copyStrided', [Int32Array.from(walk), new Float32Array(8), 0, 8, new Float32Array(8), 0]);
    for (const walk of [
      [far, far, far, far, far, far],
      [far, far, far, far, far, far, far, far, -far, far, far, -far, far, far, far, far, far, far],
      [2, 2, 1, 1, 0, 4],
      [2, 2, 1, 1, 1, 1],
      [3, 2, 0, 0, 1, 2],
      [far, 0, 0],
    ]) {
      expect(String(copy(...walk))).toMatch(/^TypeError: Expected the walk over (from|to) to be /);
    }
    expect(copy(2, 2, 0, 0, 2, 1)).toBeNull();
    expect(copy(2, 1, 2, 0, 0, 0, 4, 0, 1)).toBeNull();
    expect(copy(far, 0, 1, 1, 1, 1)).toBeNull();
  });

  it('comes back at once from sizes without elements, however large the others are', () => {
    const [none, ids, far] = [new Float32Array(0), new Int32Array(0), 2 ** 31 - 1];
    const started = performance.now();
    addon.gemm(0, far, 0, far, true, true, none, false, none, false, null, 0, none);
    addon.softmax(far, 0, false, none, none);
    addon.lockedDropout(1 << 20, 1 << 20, 0, none, 0.5, 1, 2, none);
    addon.embeddingBackward(far, 0, ids, none, none);
    addon.binary(0, Int32Array.of(far, 0, 1, 1, 1, 1), none, none, none);
    expect(thrownBy('rnnForward', [far, far, 0, 0])).toBeInstanceOf(TypeError);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
