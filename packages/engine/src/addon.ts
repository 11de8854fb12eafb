import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BackendError } from '@cadenza/core';
import type { InstructionSet } from './instructionSet.js';

type Floats = Float32Array;
type OptionalFloats = Float32Array | null;
type OptionalIntegers = Int32Array | null;

/** Weights rearranged for single steps; opaque. */
export type PackedWeights = object & { readonly __packed: unique symbol };

/** A model packed for decoding, and the states of some texts with it; opaque. */
export type NativeDecoder = object & { readonly __decoder: unique symbol };
export type NativeSession = object & { readonly __session: unique symbol };

/** A matrix of a decoder: formats f32, bf16, int8, whose values lie in an array of that type; scales with int8 only. */
type DecoderMatrix = [
  ...[format: number, rows: number, columns: number],
  ...[values: Float32Array | Uint16Array | Int8Array, scales: OptionalFloats],
];

/** Arguments of every recurrent kernel, in the binding's order. */
export type SequenceArguments = [
  batch: number,
  time: number,
  input: number,
  hidden: number,
  vocabulary: number,
  x: OptionalFloats,
  ids: OptionalIntegers,
  kernel: OptionalFloats,
  recurrentKernel: OptionalFloats,
];
export type CommonArguments = [
  lengths: OptionalIntegers,
  recurrentMask: OptionalFloats,
  zoneoutMaskH: OptionalFloats,
  zoneoutH: number,
  reverse: boolean,
  packed: PackedWeights | null,
];
type Norms = [normInput: OptionalFloats, normRecurrent: OptionalFloats];
/** projected = P with a projection, else 0 */
export type LstmArguments = [
  projected: number,
  ...SequenceArguments,
  ...[bias: Floats, h0: Floats, c0: Floats, zoneoutMaskC: OptionalFloats, zoneoutC: number],
  projection: OptionalFloats,
  ...Norms,
  normCell: OptionalFloats,
  ...CommonArguments,
];
export type GruArguments = [
  ...SequenceArguments,
  ...[resetAfter: boolean, bias: Floats, h0: Floats],
  ...Norms,
  ...CommonArguments,
];
/** Inner products times the scale, or tanh units with a vector. */
export type AttentionArguments = [
  ...[batch: number, time: number, positions: number, width: number, valueWidth: number],
  ...[heads: number, scale: number],
  ...[query: Floats, keys: Floats, values: Floats, vector: OptionalFloats, lengths: OptionalIntegers],
];
export type RnnArguments = [
  ...SequenceArguments,
  ...[relu: boolean, bias: Floats, h0: Floats],
  ...Norms,
  ...CommonArguments,
];
/** dx is null with ids, or where it is not wanted. */
type OutgoingGradients = [dx: OptionalFloats, dkernel: Floats, drecurrentKernel: Floats, dbias: Floats, dh0: Floats];
/** Each null where there is no such norm. */
type NormGradients = [dnormInput: OptionalFloats, dnormRecurrent: OptionalFloats];

/** The functions of `build/cadenza.node`: native/binding says what each checks, native/kernels/kernels.h what it computes. */
export interface Addon {
  readonly interface: number;

  /** The offset of the first byte aligned to 64; asks for huge pages where the buffer is large. */
  prepareMemory(buffer: ArrayBuffer): number;
  memoryUse(): { inUse: number; pooled: number; buffers: number };
  trimMemory(): void;
  threads(): number;
  setThreads(threads: number): void;
  /** Whether any thread of the process has set their number. */
  threadsAreSet(): boolean;
  isa(): InstructionSet;
  setIsa(isa: string): boolean;
  /** Why `setIsa('amxbf16')` fails; empty when it does not. */
  amxReason(): string;
  /** How many times as fast as `avx512` multiplies `avx512bf16` does, measured once; 0 where that cannot be had. */
  bf16Gain(): number;
  /** Runs the tile of matrix products so often on every thread, fed from the innermost cache; returns the operations. */
  l1Product(repeats: number): number;

  /** Floats that the reserve of gates takes a row: 4H, or half of it where gates are kept in bf16. */
  lstmGatesWidth(hidden: number): number;
  lstmForward(
    ...a: [
      ...LstmArguments,
      ...[y: Floats, h: Floats, c: Floats, gates: OptionalFloats, cells: OptionalFloats, extra: OptionalFloats],
    ]
  ): void;
  lstmBackward(
    ...a: [
      ...LstmArguments,
      ...[y: Floats, gates: Floats, cells: Floats, extra: OptionalFloats],
      ...[dy: OptionalFloats, dh: OptionalFloats, dc: OptionalFloats],
      ...OutgoingGradients,
      ...[dc0: Floats, dprojection: OptionalFloats],
      ...NormGradients,
      dnormCell: OptionalFloats,
    ]
  ): void;
  gruForward(...a: [...GruArguments, y: Floats, h: Floats, gates: OptionalFloats]): void;
  gruBackward(
    ...a: [
      ...GruArguments,
      ...[y: Floats, gates: Floats, dy: OptionalFloats, dh: OptionalFloats],
      ...OutgoingGradients,
      ...NormGradients,
    ]
  ): void;
  rnnForward(...a: [...RnnArguments, y: Floats, h: Floats, reserve: OptionalFloats]): void;
  rnnBackward(
    ...a: [
      ...RnnArguments,
      ...[y: Floats, reserve: Floats, dy: OptionalFloats, dh: OptionalFloats],
      ...OutgoingGradients,
      ...NormGradients,
    ]
  ): void;
  /**
   * Calls `run`, and then computes what the calls of recurrent kernels in it have gathered, on a thread each; their arrays are not
   * read or written before. Not in the WebAssembly module, which has one thread.
   */
  together(run: () => void): void;
  packLstm(input: number, hidden: number, kernel: OptionalFloats, recurrentKernel: Floats): PackedWeights;
  packGru(resetAfter: boolean, hidden: number, recurrentKernel: Floats): PackedWeights;
  packRnn(hidden: number, recurrentKernel: Floats): PackedWeights;
  freePacked(packed: PackedWeights): void;

  embeddingForward(vocabulary: number, width: number, table: Floats, ids: Int32Array, y: Floats): void;
  embeddingBackward(vocabulary: number, width: number, ids: Int32Array, dy: Floats, dtable: Floats): void;
  firstOutOfRange(ids: Int32Array, limit: number): number;
  softmaxCrossEntropyForward(
    ...a: [
      ...[rows: number, columns: number, smoothing: number, logits: Floats, labels: Int32Array],
      ...[losses: Floats, normalizers: Floats],
    ]
  ): void;
  softmaxCrossEntropyBackward(
    ...a: [
      ...[rows: number, columns: number, smoothing: number, logits: Floats, labels: Int32Array],
      ...[normalizers: Floats, dy: Floats, dlogits: Floats],
    ]
  ): void;
  consistencyForward(
    ...a: [
      ...[rows: number, columns: number, logits: Floats, labels: Int32Array],
      ...[losses: Floats, normalizers: Floats, divergence: Floats],
    ]
  ): void;
  consistencyBackward(
    ...a: [
      ...[rows: number, columns: number, logits: Floats, labels: Int32Array],
      ...[normalizers: Floats, divergence: Floats, dy: Floats, dlogits: Floats],
    ]
  ): void;
  ctcLoss(
    ...a: [
      ...[batch: number, frames: number, vocabulary: number, longest: number, blank: number, zeroInfinity: boolean],
      ...[logits: Floats, labels: Int32Array, frameLengths: Int32Array, labelLengths: Int32Array],
      ...[losses: Floats, dlogits: OptionalFloats],
    ]
  ): void;
  attentionForward(...a: [...AttentionArguments, context: Floats, weights: Floats]): void;
  attentionBackward(
    ...a: [
      ...AttentionArguments,
      ...[weights: Floats, dcontext: Floats, dweights: OptionalFloats],
      ...[dquery: Floats, dkeys: Floats, dvalues: Floats, dvector: OptionalFloats],
    ]
  ): void;
  topLogProbabilities(
    ...a: [rows: number, columns: number, count: number, x: Floats, values: Floats, ids: Int32Array]
  ): void;
  softmax(rows: number, columns: number, logarithm: boolean, x: Floats, y: Floats): void;
  adam(
    ...a: [
      ...[parameter: Floats, gradient: Floats, m: Floats, v: Floats],
      ...[learningRate: number, beta1: number, beta2: number, epsilon: number, weightDecay: number],
      ...[gradientScale: number, biasCorrection1: number, biasCorrection2: number],
      ...[parameterOut: Floats, mOut: Floats, vOut: Floats],
    ]
  ): void;
  lerp(a: Floats, b: Floats, weight: number, y: Floats): void;
  sumSquares(x: Floats): number;
  dropout(x: Floats, rate: number, seed0: number, seed1: number, y: Floats): void;
  lockedDropout(
    ...a: [batch: number, time: number, width: number, x: Floats, rate: number, seed0: number, seed1: number, y: Floats]
  ): void;
  dropoutMask(size: number, rate: number, seed0: number, seed1: number, keepValue: number, y: Floats): void;

  gemm(
    ...a: [
      ...[m: number, n: number, k: number, batch: number, sharedA: boolean, sharedB: boolean],
      ...[a: Floats, transposeA: boolean, b: Floats, transposeB: boolean],
      ...[bias: OptionalFloats, activation: number, c: Floats],
    ]
  ): void;
  /** op(B) [k, n], rearranged once for many products. */
  packMatrix(k: number, n: number, b: Floats, transposeB: boolean): PackedWeights;
  gemmPacked(
    ...a: [
      ...[m: number, n: number, k: number, a: Floats, transposeA: boolean, packed: PackedWeights],
      ...[bias: OptionalFloats, activation: number, c: Floats],
    ]
  ): void;
  unary(operation: number, x: Floats, y: Floats): void;
  /** walk = [shape, strides of a, strides of b] */
  binary(operation: number, walk: Int32Array, a: Floats, b: Floats, y: Floats): void;
  reduce(operation: number, outer: number, length: number, inner: number, x: Floats, y: Floats): void;
  /** walk = [shape, strides of from, strides of to] */
  copyStrided(
    ...a: [walk: Int32Array, from: Floats, fromOffset: number, toLength: number, to: Floats, toOffset: number]
  ): void;
  castIntToFloat(x: Int32Array, y: Floats): void;
  castFloatToInt(x: Floats, y: Int32Array): void;

  /** Decoding: kernels/decoder.h. A decoder is built by its embedding (or none), its layers from the lowest, its output. */
  makeDecoder(vocabularySize: number, skipToOutput: boolean): NativeDecoder;
  decoderEmbedding(decoder: NativeDecoder, ...table: DecoderMatrix): void;
  /** cell: lstm, gru, gru without resetAfter, rnn with tanh, rnn with relu */
  decoderLayer(
    ...a: [
      ...[decoder: NativeDecoder, cell: number, units: number, zoneoutH: number, zoneoutC: number],
      ...[residual: boolean, bias: Floats, ...kernel: DecoderMatrix, ...recurrentKernel: DecoderMatrix],
    ]
  ): void;
  decoderOutput(...a: [decoder: NativeDecoder, ...kernel: DecoderMatrix, bias: OptionalFloats]): void;
  freeDecoder(decoder: NativeDecoder): void;
  /** Keeps its decoder alive. */
  makeSession(decoder: NativeDecoder, batch: number): NativeSession;
  freeSession(session: NativeSession): void;
  sessionStep(session: NativeSession, tokens: Int32Array, logits: Floats): void;
  /** The number of tokens drawn. */
  sessionSample(
    ...a: [
      ...[session: NativeSession, token: number, count: number],
      ...[temperature: number, topK: number, topP: number, milliseconds: number],
      ...[uniforms: Float64Array, bannedTokens: Int32Array, stopTokens: Int32Array],
      ...[tokens: Int32Array, logProbabilities: Float64Array],
    ]
  ): number;
  sessionState(session: NativeSession, layer: number, cells: boolean, state: Floats): void;
  setSessionState(session: NativeSession, layer: number, cells: boolean, state: Floats): void;
}

/** The version of the binding's functions this file describes. */
const INTERFACE = 9;
const PACKAGE = new URL('..', import.meta.url);

let loaded: Addon | null = null;

/** The addon, or why it cannot be had, in words that go after "backend cpu: ". */
export function loadAddon(): { addon: Addon; reason?: undefined } | { addon: null; reason: string } {
  if (process.env.CADENZA_NATIVE === 'off') return { addon: null, reason: 'CADENZA_NATIVE=off' };
  if (loaded !== null) return { addon: loaded };
  const file = fileURLToPath(new URL('build/cadenza.node', PACKAGE));
  try {
    const addon = createRequire(import.meta.url)(file) as Addon;
    if (addon.interface !== INTERFACE) {
      return { addon: null, reason: `native kernels are of another version (run ${buildCommand()})` };
    }
    loaded = addon;
    return { addon };
  } catch (error) {
    return { addon: null, reason: whyMissing(error as NodeJS.ErrnoException) };
  }
}

/** The addon; a `BackendError` that says why where there is none. */
export function requireAddon(): Addon {
  const { addon, reason } = loadAddon();
  if (addon === null) throw new BackendError(`Expected the native kernels to be there, got none: ${reason}`);
  return addon;
}

/** What the build wrote about itself, else what loading said. */
function whyMissing(error: NodeJS.ErrnoException): string {
  if (error.code !== 'MODULE_NOT_FOUND') return `native kernels cannot be loaded (${error.message.split('\n')[0]})`;
  try {
    const status = JSON.parse(readFileSync(new URL('build/status.json', PACKAGE), 'utf8')) as { reason?: string };
    if (status.reason) return status.reason;
  } catch {
    // No build has run.
  }
  return `native kernels are not built (run ${buildCommand()})`;
}

/** How the kernels are built from where the program runs: of an installed package, or of its repository. */
function buildCommand(): string {
  const script = fileURLToPath(new URL('scripts/buildNative.mjs', PACKAGE));
  if (!script.split(sep).includes('node_modules')) return 'npm run build';
  return `node ${relative(process.cwd(), script)}`;
}
