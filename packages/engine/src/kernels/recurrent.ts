import type * as tf from '@tensorflow/tfjs-core';
import { callsOfPair, genericKernels, pairedName } from '@cadenza/core/browser';
import type { CommonArguments, PackedWeights, SequenceArguments } from '../addon.js';
import { checkedIds } from './ids.js';
import { nativeKernel, type Call, type UnregisteredKernel } from './kernel.js';

/** Attributes of the recurrent kernels; each has those its cell knows. */
interface Attributes {
  reverse: boolean;
  saveReserve: boolean;
  trace: boolean;
  needInputGradient: boolean;
  zoneoutH: number;
  zoneoutC: number;
  resetAfter: boolean;
  activation: string;
}

type RecurrentCall = Call<Attributes>;
type Outputs = tf.TensorInfo[];

/** B, T, D (or the vocabulary's size V, D then 0), H and the width P of h. */
interface Sizes {
  B: number;
  T: number;
  D: number;
  V: number;
  H: number;
  P: number;
}

function sizesOf({ inputs }: RecurrentCall): Sizes {
  const { x, kernel, recurrentKernel } = inputs;
  const [B, T] = x.shape;
  const isIds = x.dtype === 'int32';
  const H = inputs.projection ? inputs.projection.shape[0] : recurrentKernel.shape[0];
  return { B, T, D: isIds ? 0 : x.shape[2], V: isIds ? kernel.shape[0] : 0, H, P: recurrentKernel.shape[0] };
}

/** Native kernels leave sequences without a row or a step to JavaScript. */
function isEmpty({ inputs: { x } }: RecurrentCall): boolean {
  return x.shape[0] * x.shape[1] === 0;
}

function optional(call: RecurrentCall, name: string): Float32Array | null {
  const input = call.inputs[name];
  return input ? call.backend.floats(input) : null;
}

/** The arguments that open every call: sizes, x or ids, and the weights unless they are packed. */
function opening(call: RecurrentCall, { B, T, D, V, H }: Sizes, packed: PackedWeights | null): SequenceArguments {
  const { inputs, backend } = call;
  const { x, kernel, recurrentKernel } = inputs;
  const isIds = x.dtype === 'int32';
  return [
    ...([B, T, D, H, V] as const),
    isIds ? null : backend.floats(x),
    isIds ? backend.integers(x) : null,
    backend.floats(kernel),
    packed ? null : backend.floats(recurrentKernel),
  ];
}

/** The arguments that close every cell's own. */
function closing(call: RecurrentCall, packed: PackedWeights | null): CommonArguments {
  const { inputs, attrs, backend } = call;
  const lengths = inputs.lengths ? backend.integers(inputs.lengths) : null;
  const [recurrentMask, zoneoutMaskH] = [optional(call, 'recurrentMask'), optional(call, 'zoneoutMaskH')];
  return [lengths, recurrentMask, zoneoutMaskH, attrs.zoneoutH ?? 0, attrs.reverse, packed];
}

/** Single steps without a gradient are decoding: their weights are packed once for all steps. */
function isSingleStep({ attrs }: RecurrentCall, { T }: Sizes): boolean {
  return T === 1 && !attrs.saveReserve;
}

function lstmArguments(call: RecurrentCall, sizes: Sizes, packed: PackedWeights | null) {
  const { inputs, attrs, backend } = call;
  const names = ['projection', 'normInput', 'normRecurrent', 'normCell'] as const;
  const [projection, normInput, normRecurrent, normCell] = names.map((name) => optional(call, name));
  return [
    projection ? sizes.P : 0,
    ...opening(call, sizes, packed),
    ...([backend.floats(inputs.bias), backend.floats(inputs.h0), backend.floats(inputs.c0)] as const),
    ...([optional(call, 'zoneoutMaskC'), attrs.zoneoutC ?? 0] as const),
    ...([projection, normInput, normRecurrent, normCell] as const),
    ...closing(call, packed),
  ] as const;
}

function gruArguments(call: RecurrentCall, sizes: Sizes, packed: PackedWeights | null) {
  const { inputs, attrs, backend } = call;
  return [
    ...opening(call, sizes, packed),
    ...([attrs.resetAfter, backend.floats(inputs.bias), backend.floats(inputs.h0)] as const),
    ...([optional(call, 'normInput'), optional(call, 'normRecurrent')] as const),
    ...closing(call, packed),
  ] as const;
}

function rnnArguments(call: RecurrentCall, sizes: Sizes, packed: PackedWeights | null) {
  const { inputs, attrs, backend } = call;
  return [
    ...opening(call, sizes, packed),
    ...([attrs.activation === 'relu', backend.floats(inputs.bias), backend.floats(inputs.h0)] as const),
    ...([optional(call, 'normInput'), optional(call, 'normRecurrent')] as const),
    ...closing(call, packed),
  ] as const;
}

/** y, hLast and the reserves, of which there are none when no gradient or trace wants them. */
function forwardOutputs({ backend, attrs }: RecurrentCall, { B, T, P }: Sizes, reserveWidth: number) {
  const y = backend.output([B, T, P]);
  const h = backend.output([B, P]);
  const reserve = backend.output(attrs.saveReserve ? [T, B, reserveWidth] : [0]);
  return { y, h, reserve, kept: attrs.saveReserve ? reserve.values : null };
}

/** Numbers in bf16, two in the place of a float, as float32. */
function widen(narrow: Float32Array, wide: Float32Array): void {
  const halves = new Uint16Array(narrow.buffer, narrow.byteOffset, wide.length);
  const words = new Uint32Array(wide.buffer, wide.byteOffset, wide.length);
  for (let i = 0; i < words.length; i++) words[i] = halves[i] << 16;
}

/**
 * The reserve of gates as the kernels keep it now. A trace holds them as float32, of which bf16 is the upper half, and so does a
 * forward pass before another precision was chosen.
 */
function keptGates(gates: Float32Array, size: number): Float32Array {
  if (gates.length === size) return gates;
  if (gates.length < size) {
    const wide = new Float32Array(size);
    widen(gates, wide);
    return wide;
  }
  const narrow = new Float32Array(size);
  const halves = new Uint16Array(narrow.buffer);
  const words = new Uint32Array(gates.buffer, gates.byteOffset, gates.length);
  // To the nearest, of two as near the even one; what bf16 holds exactly stays.
  for (let i = 0; i < words.length; i++) halves[i] = (words[i] + 0x7fff + ((words[i] >>> 16) & 1)) >>> 16;
  return narrow;
}

/** Layer norm and projection have kernels that take the weights as they are. */
function hasNormOrProjection({ inputs }: RecurrentCall): boolean {
  return Boolean(inputs.normInput || inputs.normRecurrent || inputs.normCell || inputs.projection);
}

function lstm(call: RecurrentCall): Outputs {
  if (isEmpty(call)) return genericKernels.CadenzaLSTM(call as never) as Outputs;
  const { inputs, backend, attrs } = call;
  const { addon } = backend;
  const sizes = sizesOf(call);
  const { B, T, D, H } = sizes;
  const packed =
    isSingleStep(call, sizes) && !hasNormOrProjection(call)
      ? backend.packedWeights(inputs.recurrentKernel, D > 0 ? inputs.kernel : null, 'lstm', (recurrentKernel, kernel) =>
          addon.packLstm(D, H, kernel, recurrentKernel),
        )
      : null;
  const width = addon.lstmGatesWidth(H);
  const { y, h, reserve, kept } = forwardOutputs(call, sizes, attrs.trace ? 4 * H : width);
  const narrow = kept && kept.length > T * B * width ? new Float32Array(T * B * width) : null;
  const c = backend.output([B, H]);
  const cells = backend.output(attrs.saveReserve ? [T, B, H] : [0]);
  const keepsProducts = attrs.saveReserve && Boolean(inputs.normRecurrent);
  const extra = backend.output(keepsProducts ? [T, B, 4 * H] : [0]);
  const keptCells = attrs.saveReserve ? cells.values : null;
  const keptProducts = keepsProducts ? extra.values : null;
  checkedIds(call, () =>
    addon.lstmForward(
      ...lstmArguments(call, sizes, packed),
      ...([y.values, h.values, c.values, narrow ?? kept, keptCells, keptProducts] as const),
    ),
  );
  if (narrow && kept) widen(narrow, kept);
  return [y.info, h.info, c.info, reserve.info, cells.info, extra.info];
}

function gru(call: RecurrentCall): Outputs {
  if (isEmpty(call)) return genericKernels.CadenzaGRU(call as never) as Outputs;
  const { inputs, backend } = call;
  const { addon } = backend;
  const { resetAfter } = call.attrs;
  const sizes = sizesOf(call);
  const packed = isSingleStep(call, sizes)
    ? backend.packedWeights(inputs.recurrentKernel, null, resetAfter ? 'gru' : 'gru, reset before', (weights) =>
        addon.packGru(resetAfter, sizes.H, weights),
      )
    : null;
  const { y, h, reserve, kept } = forwardOutputs(call, sizes, 4 * sizes.H);
  checkedIds(call, () => addon.gruForward(...gruArguments(call, sizes, packed), y.values, h.values, kept));
  return [y.info, h.info, reserve.info];
}

function rnn(call: RecurrentCall): Outputs {
  if (isEmpty(call)) return genericKernels.CadenzaRNN(call as never) as Outputs;
  const { inputs, backend } = call;
  const { addon } = backend;
  const sizes = sizesOf(call);
  const packed = isSingleStep(call, sizes)
    ? backend.packedWeights(inputs.recurrentKernel, null, 'rnn', (weights) => addon.packRnn(sizes.H, weights))
    : null;
  const { y, h, reserve, kept } = forwardOutputs(call, sizes, sizes.H);
  checkedIds(call, () => addon.rnnForward(...rnnArguments(call, sizes, packed), y.values, h.values, kept));
  return [y.info, h.info, reserve.info];
}

/** dx, dkernel, drecurrentKernel, dbias and dh0, as tensors and as the arguments that take their memory. */
function outgoing({ inputs, attrs, backend }: RecurrentCall) {
  const wantsInput = attrs.needInputGradient && inputs.x.dtype === 'float32';
  const dx = backend.output(wantsInput ? inputs.x.shape : [0]);
  const weights = [inputs.kernel, inputs.recurrentKernel, inputs.bias, inputs.h0].map(({ shape }) =>
    backend.output(shape),
  );
  const [dkernel, drecurrentKernel, dbias, dh0] = weights.map(({ values }) => values);
  return {
    infos: [dx.info, ...weights.map(({ info }) => info)],
    taken: [wantsInput ? dx.values : null, dkernel, drecurrentKernel, dbias, dh0] as const,
  };
}

/** The same of the norms that are given. */
function outgoingNorms({ inputs, backend }: RecurrentCall) {
  const [input, recurrent] = [inputs.normInput, inputs.normRecurrent].map((norm) =>
    norm ? backend.output(norm.shape) : null,
  );
  return {
    infos: [input, recurrent].flatMap((output) => (output ? [output.info] : [])),
    taken: [input?.values ?? null, recurrent?.values ?? null] as const,
  };
}

function lstmGrad(call: RecurrentCall): Outputs {
  if (isEmpty(call)) return genericKernels.CadenzaLSTMGrad(call as never) as Outputs;
  const { inputs, backend } = call;
  const { infos, taken } = outgoing(call);
  const dc0 = backend.output(inputs.c0.shape);
  const dprojection = inputs.projection ? backend.output(inputs.projection.shape) : null;
  const norms = outgoingNorms(call);
  const dnormCell = inputs.normCell ? backend.output(inputs.normCell.shape) : null;
  const names = ['y', 'reserveGates', 'reserveCells', 'dy', 'dhLast', 'dcLast'];
  const [y, reserve, cells, dy, dh, dc] = names.map((name) => backend.floats(inputs[name]));
  const sizes = sizesOf(call);
  const gates = backend.held(keptGates(reserve, sizes.T * sizes.B * backend.addon.lstmGatesWidth(sizes.H)));
  const extra = inputs.normRecurrent ? backend.floats(inputs.reserveExtra) : null;
  backend.addon.lstmBackward(
    ...lstmArguments(call, sizes, null),
    ...([y, gates, cells, extra, dy, dh, dc] as const),
    ...taken,
    ...([dc0.values, dprojection?.values ?? null] as const),
    ...norms.taken,
    dnormCell?.values ?? null,
  );
  const optional = [dprojection ? [dprojection.info] : [], norms.infos, dnormCell ? [dnormCell.info] : []];
  return [...infos, dc0.info, ...optional.flat()];
}

function gruGrad(call: RecurrentCall): Outputs {
  if (isEmpty(call)) return genericKernels.CadenzaGRUGrad(call as never) as Outputs;
  const { inputs, backend } = call;
  const { infos, taken } = outgoing(call);
  const norms = outgoingNorms(call);
  const [y, gates, dy, dh] = ['y', 'reserveGates', 'dy', 'dhLast'].map((name) => backend.floats(inputs[name]));
  backend.addon.gruBackward(
    ...gruArguments(call, sizesOf(call), null),
    ...([y, gates, dy, dh] as const),
    ...taken,
    ...norms.taken,
  );
  return [...infos, ...norms.infos];
}

function rnnGrad(call: RecurrentCall): Outputs {
  if (isEmpty(call)) return genericKernels.CadenzaRNNGrad(call as never) as Outputs;
  const { inputs, backend } = call;
  const { infos, taken } = outgoing(call);
  const norms = outgoingNorms(call);
  const [y, reserve, dy, dh] = ['y', 'reserve', 'dy', 'dhLast'].map((name) => backend.floats(inputs[name]));
  backend.addon.rnnBackward(
    ...rnnArguments(call, sizesOf(call), null),
    ...([y, reserve, dy, dh] as const),
    ...taken,
    ...norms.taken,
  );
  return [...infos, ...norms.infos];
}

/**
 * Two calls, of a bidirectional layer for instance. With two threads each computes one of them, all rows of it and without waiting for
 * the other, which is faster than to share the rows of both: the fewer rows, the more so. The results are the same.
 */
function pairOf(kernel: (call: RecurrentCall) => Outputs) {
  return ({ inputs, attrs, backend }: Call<Record<string, Attributes>>): Outputs => {
    const calls = callsOfPair(inputs, attrs).map((call) => ({ ...call, backend }));
    if (backend.addon.threads() !== calls.length) return calls.flatMap(kernel);
    let outputs: Outputs = [];
    backend.together(() => (outputs = calls.flatMap(kernel)));
    return outputs;
  };
}

export const recurrentKernels = (): UnregisteredKernel[] =>
  Object.entries({
    CadenzaLSTM: lstm,
    CadenzaLSTMGrad: lstmGrad,
    CadenzaGRU: gru,
    CadenzaGRUGrad: gruGrad,
    CadenzaRNN: rnn,
    CadenzaRNNGrad: rnnGrad,
  }).flatMap(([name, kernel]) => [nativeKernel(name, kernel), nativeKernel(pairedName(name), pairOf(kernel))]);
