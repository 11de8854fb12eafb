import { readFileSync } from 'node:fs';
import type { FeatureOptions } from './featureOptions.js';
import type { FrameBands } from './frameBands.js';
import { melBank } from './melBank.js';
import { WebAssembly, type WasmMemory, type WasmModule } from './webAssembly.js';
import { windowFunction } from './windows.js';

/** Made of native/frame_bands.cc by scripts/buildWasm.mjs. */
const MODULE = new URL('../../wasm/frameBands.wasm', import.meta.url);

/** Of the smallest frame that the module takes: a first stage of four, and one of two. */
const SMALLEST = 16;
const PAGE = 65536;
/** `struct Setup`: two doubles, six integers, fourteen pointers. */
const SETUP_BYTES = 96;
const ENERGIES = ['none', 'raw', 'windowed', 'spectrum'];

interface Exports {
  memory: WasmMemory;
  __heap_base: { value: number };
  compute(setup: number): number;
}

let compiled: WasmModule | null | undefined;

/** The module; `null` where WebAssembly, its vectors or the file are missing, with which everything is done in JavaScript. */
function simdModule(): WasmModule | null {
  if (compiled === undefined) {
    try {
      compiled = new WebAssembly.Module(readFileSync(MODULE));
    } catch {
      compiled = null;
    }
  }
  return compiled;
}

/** {@link FrameBands} two numbers at once, in the memory of a WebAssembly module of its own. */
export class SimdFrameBands implements FrameBands {
  readonly frame: Float64Array;
  readonly bands: Float64Array;
  private readonly exports: Exports;
  private readonly setup: number;

  /** Powers of two, from the transform here. */
  static fits({ fftSize, spectrum }: FeatureOptions): boolean {
    const isPowerOfTwo = Number.isInteger(Math.log2(fftSize));
    return isPowerOfTwo && fftSize >= SMALLEST && spectrum === 'fast' && simdModule() !== null;
  }

  constructor(options: FeatureOptions) {
    const { fftSize, frameLength, output, mel, energy } = options;
    const half = fftSize / 2;
    const rows = output === 'spectrum' ? [] : melBank(mel, fftSize, options.sampleRate).rows();
    const { offsets, weights } = evenRows(rows.map((row) => row.weights));
    this.exports = new WebAssembly.Instance(simdModule()!).exports as unknown as Exports;
    const heap = new Heap(this.exports);
    this.setup = heap.reserve(SETUP_BYTES);
    const [frame, power, bands] = [fftSize, half + 2, rows.length].map((length) => heap.doubles(length));
    const window = new Float64Array(fftSize);
    window.set(windowFunction(options.window, frameLength, options.windowPeriodic));
    const angles = Float64Array.from({ length: fftSize / 4 }, (_, k) => (2 * Math.PI * (k + 1)) / fftSize);
    const pointers = [
      ...[frame, heap.put(window), heap.put(stageFactors(half))],
      ...[heap.put(angles.map(Math.cos)), heap.put(angles.map(Math.sin))],
      ...[half, half, half, half].map((length) => heap.doubles(length)),
      ...[power, heap.put(Int32Array.from(rows, (row) => row.first)), heap.put(offsets), heap.put(weights), bands],
    ];
    const { buffer } = heap.grown();
    const perFrame = options.preEmphasisOver === 'frame' ? options.preEmphasis : 0;
    new Float64Array(buffer, this.setup, 2).set([perFrame, options.spectrumPerBin ? 1 / fftSize : 1]);
    const wanted = ENERGIES.indexOf(energy === 'none' ? 'none' : options.energyOf);
    const numbers = [frameLength, fftSize, rows.length, Number(options.removeOffset), Number(options.exponent === 1)];
    new Int32Array(buffer, this.setup + 16).set([...numbers, wanted, ...pointers]);
    this.frame = new Float64Array(buffer, frame, fftSize);
    this.bands =
      rows.length > 0 ? new Float64Array(buffer, bands, rows.length) : new Float64Array(buffer, power, half + 1);
  }

  compute(): number {
    return this.exports.compute(this.setup);
  }
}

/** Rows of weights one after another, each filled up with a zero to an even length. */
function evenRows(rows: readonly Float64Array[]): { offsets: Int32Array; weights: Float64Array } {
  const offsets = new Int32Array(rows.length + 1);
  for (const [band, row] of rows.entries()) offsets[band + 1] = offsets[band] + row.length + (row.length % 2);
  const weights = new Float64Array(offsets[rows.length]);
  for (const [band, row] of rows.entries()) weights.set(row, offsets[band]);
  return { offsets, weights };
}

/**
 * For each stage of four over `size` complex numbers, w = exp(-2 pi i p / n) for p = 0 .. n/4, where n is the size and a
 * quarter of it with each stage: real parts of w, imaginary ones, those of w^2 and of w^3.
 */
function stageFactors(size: number): Float64Array {
  const factors: number[] = [];
  for (let n = size; n >= 4; n /= 4) {
    for (const power of [1, 2, 3]) {
      const angles = Array.from({ length: n / 4 }, (_, p) => (-2 * Math.PI * p * power) / n);
      factors.push(...angles.map(Math.cos), ...angles.map(Math.sin));
    }
  }
  return Float64Array.from(factors);
}

/** Hands out the module's memory from its first free byte on; what is put there is written when it has grown. */
class Heap {
  private end: number;
  private readonly written: [number, Float64Array | Int32Array][] = [];

  constructor(private readonly exports: Exports) {
    this.end = exports.__heap_base.value;
  }

  reserve(bytes: number): number {
    const at = this.end;
    this.end += Math.ceil(bytes / 16) * 16;
    return at;
  }

  doubles(length: number): number {
    return this.reserve(8 * length);
  }

  put(values: Float64Array | Int32Array): number {
    const at = this.reserve(values.byteLength);
    this.written.push([at, values]);
    return at;
  }

  /** The memory, grown to all that was reserved, whose `buffer` stays. */
  grown(): WasmMemory {
    const { memory } = this.exports;
    const missing = this.end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    for (const [at, values] of this.written) {
      const Numbers = values instanceof Int32Array ? Int32Array : Float64Array;
      new Numbers(memory.buffer, at, values.length).set(values);
    }
    return memory;
  }
}
