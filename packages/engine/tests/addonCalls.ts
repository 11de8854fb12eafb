import type { Addon, NativeDecoder, NativeSession, PackedWeights } from '../src/addon.js';
import { numbers } from './onBoth.js';

/** What an argument of the binding is, by which the ways to get it wrong are known. */
export interface Argument {
  name: string;
  value: unknown;
  kind:
    | ('size' | 'number' | 'word' | 'choice' | 'flag' | 'text')
    | ('floats' | 'integers' | 'output' | 'buffer' | 'packed' | 'function');
  optional?: boolean;
  /** An array that may be longer or shorter, as far as its own checks go. */
  anyLength?: boolean;
  /** Values of the right type that are refused all the same. */
  wrong?: unknown[];
}

const size = (name: string, value: number): Argument => ({ name, value, kind: 'size' });
const number = (name: string, value: number, ...wrong: number[]): Argument => ({ name, value, kind: 'number', wrong });
const word = (name: string, value: number): Argument => ({ name, value, kind: 'word' });
const choice = (name: string, count: number): Argument => ({ name, value: 0, kind: 'choice', wrong: [count] });
const flag = (name: string, value = false): Argument => ({ name, value, kind: 'flag' });
const floats = (name: string, length: number): Argument => ({ name, value: numbers(length), kind: 'floats' });
const integers = (name: string, values: number[], ...wrong: number[][]): Argument => ({
  ...{ name, value: Int32Array.from(values), kind: 'integers' },
  wrong: wrong.map((all) => Int32Array.from(all)),
});
const output = (name: string, length: number): Argument => ({ name, value: new Float32Array(length), kind: 'output' });
const maybe = (argument: Argument): Argument => ({ ...argument, optional: true });
const absent = (argument: Argument): Argument => ({ ...argument, value: null, optional: true });
const seed = [word('seed[0]', 7), word('seed[1]', 4294967295)];

const [B, T, D, H, V, S] = [2, 3, 4, 5, 6, 7];
const IDS = integers('ids', [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 6], [-1, 1, 2, 3, 4, 5]);

/** The arguments of a recurrent kernel up to its outputs. */
function sequence(
  gates: number,
  biasBlocks: number,
  cell: Argument[],
  lstm: boolean,
  ids: boolean,
  norms: Argument[] = [],
): Argument[] {
  return [
    ...[size('batch', B), size('time', T), size('input', D), size('hidden', H), size('vocabulary', ids ? V : 0)],
    ...(ids
      ? [absent(floats('x', B * T * D)), IDS, floats('kernel', V * gates * H)]
      : [floats('x', B * T * D), absent(IDS), floats('kernel', D * gates * H)]),
    ...[floats('recurrentKernel', H * gates * H), ...cell],
    ...[maybe(floats('bias', biasBlocks * H)), maybe(floats('h0', B * H))],
    ...(lstm ? [maybe(floats('c0', B * H)), absent(floats('zoneoutMaskC', B * T * H)), number('zoneoutC', 0)] : []),
    ...norms,
    maybe(integers('lengths', [3, 1], [3, 4], [-1, 1])),
    ...[absent(floats('recurrentMask', B * H)), absent(floats('zoneoutMaskH', B * T * H)), number('zoneoutH', 0)],
    ...[flag('reverse'), absent({ name: 'packed', value: null, kind: 'packed' })],
  ];
}

function gradients(gates: number, biasBlocks: number, ids: boolean): Argument[] {
  return [
    ids ? absent(output('dx', B * T * D)) : maybe(output('dx', B * T * D)),
    maybe(output('dkernel', (ids ? V : D) * gates * H)),
    maybe(output('drecurrentKernel', H * gates * H)),
    maybe(output('dbias', biasBlocks * H)),
    maybe(output('dh0', B * H)),
  ];
}

/** The arguments that attention's two directions begin with: H is the width of the values. */
function attentionArguments(vector: Argument): Argument[] {
  return [
    ...[size('batch', B), size('time', T), size('positions', S), size('width', D), size('valueWidth', H)],
    { ...size('heads', 1), wrong: [0, 2, 5] }, // 2 divides the width alone, 5 that of the values
    ...[number('scale', 1), floats('query', B * T * D), floats('keys', B * S * D), floats('values', B * S * H)],
    ...[vector, maybe(integers('lengths', [7, 0], [8, 0], [-1, 1]))],
  ];
}

/** A matrix of a decoder, in float32. */
function matrix(rows: number, columns: number): Argument[] {
  return [
    ...[choice('format', 3), size('rows', rows), size('columns', columns), floats('values', rows * columns)],
    absent({ ...floats('scales', 1), value: null }),
  ];
}

/** Right calls of what decodes: each builder gets a decoder that is as far as it needs. */
function decoderCalls(addon: Addon): [name: keyof Addon, given: Argument[]][] {
  const embedding = matrix(V, D);
  const layer = [
    ...[choice('cell', 5), size('units', H), number('zoneoutH', 0, 1, -0.1, NaN), number('zoneoutC', 0, 1, -0.1, NaN)],
    ...[flag('residual'), floats('bias', 4 * H), ...matrix(D, 4 * H), ...matrix(H, 4 * H)],
  ];
  const output = [...matrix(H, V), absent(floats('bias', V))];
  const build = (steps: number): NativeDecoder => {
    const made = addon.makeDecoder(V, false);
    const add = (name: 'decoderEmbedding' | 'decoderLayer' | 'decoderOutput', given: Argument[]) =>
      (addon[name] as (...all: unknown[]) => void)(made, ...given.map(({ value }) => value));
    if (steps > 0) add('decoderEmbedding', embedding);
    if (steps > 1) add('decoderLayer', layer);
    if (steps > 2) add('decoderOutput', output);
    return made;
  };
  const decoder = (steps: number): Argument => ({ name: 'decoder', value: build(steps), kind: 'packed' });
  const session = (): Argument => {
    const value: NativeSession = addon.makeSession(build(3), 1);
    return { name: 'session', value, kind: 'packed' };
  };
  const state = (values: Argument) => [session(), { ...size('layer', 0), wrong: [1] }, flag('cells', true), values];
  const doubles = (name: string): Argument => ({ name, value: new Float64Array(2), kind: 'floats' });
  return [
    ['makeDecoder', [size('vocabularySize', V), flag('skipToOutput')]],
    ['decoderEmbedding', [decoder(0), ...embedding]],
    ['decoderLayer', [decoder(1), ...layer]],
    ['decoderOutput', [decoder(2), ...output]],
    ['freeDecoder', [decoder(3)]],
    ['makeSession', [decoder(3), { ...size('batch', B), wrong: [0, 65537] }]],
    ['freeSession', [session()]],
    ['sessionStep', [session(), integers('tokens', [1], [V], [-1]), { ...floats('logits', V), kind: 'output' }]],
    [
      'sessionSample',
      [
        ...[session(), { ...size('token', 1), wrong: [V] }, size('count', 2)],
        ...[number('temperature', 1, -1, NaN, Infinity), size('topK', 0), number('topP', 1, 0, 1.1, NaN)],
        ...[number('milliseconds', 10, -1, NaN), doubles('uniforms')],
        { ...integers('bannedTokens', [0], [V], [-1]), anyLength: true },
        { ...integers('stopTokens', [0]), anyLength: true },
        { name: 'tokens', value: new Int32Array(2), kind: 'output' },
        doubles('logProbabilities'),
      ],
    ],
    ['sessionState', state({ ...floats('state', H), kind: 'output' })],
    ['setSessionState', state(floats('state', H))],
  ];
}

/**
 * Right calls of the addon's functions, one or more each; a new function of the addon needs a line here. Called anew for every
 * test, because calls write into their arguments.
 */
export function addonCalls(addon: Addon): [name: keyof Addon, given: Argument[]][] {
  const packed = (weights: PackedWeights): Argument => ({ name: 'packed', value: weights, kind: 'packed' });
  const [state, steps] = [B * H, B * T * H];
  const recurrent = ([false, true] as const).flatMap((ids): [keyof Addon, Argument[]][] => {
    const norms = (gates: number) => [floats('normInput', 2 * gates * H), floats('normRecurrent', 2 * gates * H)];
    const normGradients = (gates: number) => [
      maybe(output('dnormInput', 2 * gates * H)),
      maybe(output('dnormRecurrent', 2 * gates * H)),
    ];
    const normCell = floats('normCell', 2 * H);
    const lstm = (given: Argument[]) => [
      size('projected', 0),
      ...sequence(4, 4, [], true, ids, [absent(floats('projection', 0)), ...given]),
    ];
    // Forward, a norm may be left out; backward, its gradient is refused without it.
    const gru = (given: Argument[]) => sequence(3, 6, [flag('resetAfter', true)], false, ids, given);
    const rnn = (given: Argument[]) => sequence(1, 1, [flag('relu')], false, ids, given);
    const arriving = [maybe(floats('dy', steps)), maybe(floats('dhLast', state))];
    const last = maybe(output('hLast', state));
    const gates = 4 * steps;
    return [
      ['lstmGatesWidth', [size('hidden', H)]],
      [
        'lstmForward',
        [
          ...[...lstm([maybe(norms(4)[0]), norms(4)[1], maybe(normCell)]), output('y', steps), last],
          ...[maybe(output('cLast', state)), maybe(output('gates', gates)), maybe(output('cells', steps))],
          maybe(output('extra', gates)),
        ],
      ],
      [
        'lstmBackward',
        [
          ...[...lstm([...norms(4), normCell]), floats('y', steps), floats('gates', gates), floats('cells', steps)],
          ...[floats('extra', gates), ...arriving, maybe(floats('dcLast', state)), ...gradients(4, 4, ids)],
          ...[maybe(output('dc0', state)), absent(output('dprojection', 0)), ...normGradients(4)],
          maybe(output('dnormCell', 2 * H)),
        ],
      ],
      ['gruForward', [...gru(norms(3).map(maybe)), output('y', steps), last, maybe(output('gates', gates))]],
      [
        'gruBackward',
        [
          ...[...gru(norms(3)), floats('y', steps), floats('gates', gates), ...arriving],
          ...[...gradients(3, 6, ids), ...normGradients(3)],
        ],
      ],
      ['rnnForward', [...rnn(norms(1).map(maybe)), output('y', steps), last, maybe(output('reserve', steps))]],
      [
        'rnnBackward',
        [
          ...[...rnn(norms(1)), floats('y', steps), floats('reserve', steps), ...arriving],
          ...[...gradients(1, 1, ids), ...normGradients(1)],
        ],
      ],
    ];
  });
  const loose = (argument: Argument): Argument => ({ ...argument, anyLength: true });
  const walk = (...all: number[]) => loose(integers('walk', all));
  const rows = [size('rows', 2), size('columns', 3)];
  const labels = integers('labels', [2, -1], [3, 0], [-2, 0]);
  const smoothing = number('smoothing', 0.1, 1, -0.1, NaN);
  const vector = floats('vector', D);
  return [
    ...recurrent,
    ...decoderCalls(addon),
    ['prepareMemory', [{ name: 'buffer', value: new ArrayBuffer(100), kind: 'buffer' }]],
    ['memoryUse', []],
    ['l1Product', [{ ...size('repeats', 2), wrong: [10001] }]],
    ['trimMemory', []],
    ['threads', []],
    ['setThreads', [{ ...size('threads', addon.threads()), wrong: [0, 1025] }]],
    ['threadsAreSet', []],
    ['isa', []],
    ['amxReason', []],
    ['bf16Gain', []],
    ['together', [{ name: 'run', value: () => undefined, kind: 'function' }]],
    ['setIsa', [{ name: 'isa', value: addon.isa(), kind: 'text' }]],
    [
      'packLstm',
      [size('input', D), size('hidden', H), maybe(floats('kernel', D * 4 * H)), floats('recurrentKernel', 4 * H * H)],
    ],
    ['packGru', [flag('resetAfter'), size('hidden', H), floats('recurrentKernel', 3 * H * H)]],
    ['packRnn', [size('hidden', H), floats('recurrentKernel', H * H)]],
    ['freePacked', [packed(addon.packRnn(H, numbers(H * H)))]],
    ['embeddingForward', [size('vocabulary', V), size('width', D), floats('table', V * D), IDS, output('y', 6 * D)]],
    ['embeddingBackward', [size('vocabulary', V), size('width', D), IDS, floats('dy', 6 * D), output('dtable', V * D)]],
    ['firstOutOfRange', [loose(integers('ids', [1, 2, -3])), size('limit', 9)]],
    [
      'softmaxCrossEntropyForward',
      [...rows, smoothing, floats('logits', 6), labels, output('losses', 2), output('normalizers', 4)],
    ],
    [
      'softmaxCrossEntropyBackward',
      [
        ...rows,
        smoothing,
        floats('logits', 6),
        labels,
        floats('normalizers', 4),
        floats('dy', 2),
        output('dlogits', 6),
      ],
    ],
    [
      'consistencyForward',
      [
        ...[...rows, floats('logits', 12), integers('labels', [2, -1])],
        ...[output('losses', 2), output('normalizers', 8), output('divergence', 4)],
      ],
    ],
    [
      'consistencyBackward',
      [
        ...[...rows, floats('logits', 12), integers('labels', [2, -1])],
        ...[floats('normalizers', 8), floats('divergence', 4), floats('dy', 2), output('dlogits', 12)],
      ],
    ],
    [
      'ctcLoss',
      [
        ...[size('batch', B), size('frames', T), size('vocabulary', V), size('longest', 2)],
        ...[{ ...size('blank', 0), wrong: [V] }, flag('zeroInfinity'), floats('logits', B * T * V)],
        // The last of the second row does not count.
        integers('labels', [1, 5, 2, -1], [1, V, 2, -1], [0, 5, 2, -1], [1, 5, -1, -1]),
        integers('frameLengths', [3, 0], [3, 4], [-1, 0]),
        integers('labelLengths', [2, 1], [2, 3], [-1, 1], [2, 2]),
        ...[output('losses', B), maybe(output('dlogits', B * T * V))],
      ],
    ],
    [
      'attentionForward',
      [...attentionArguments(maybe(vector)), output('context', B * T * H), output('weights', B * T * S)],
    ],
    [
      'attentionBackward',
      [
        ...[
          // Without the vector its gradient is refused.
          ...attentionArguments(vector),
          floats('weights', B * T * S),
          floats('dcontext', B * T * H),
          maybe(floats('dweights', B * T * S)),
        ],
        ...[
          output('dquery', B * T * D),
          output('dkeys', B * S * D),
          output('dvalues', B * S * H),
          output('dvector', D),
        ],
      ],
    ],
    [
      'topLogProbabilities',
      [
        ...[...rows, { ...size('count', 2), wrong: [0, 4] }, floats('x', 6), output('values', 4)],
        { name: 'ids', value: new Int32Array(4), kind: 'output' },
      ],
    ],
    ['softmax', [...rows, flag('logarithm'), floats('x', 6), output('y', 6)]],
    [
      'adam',
      [
        ...[
          floats('parameter', D),
          floats('gradient', D),
          floats('m', D),
          { ...floats('v', D), value: new Float32Array(D) },
        ],
        ...[number('learningRate', 0.1), number('beta1', 0.9), number('beta2', 0.9), number('epsilon', 1e-8)],
        ...[
          number('weightDecay', 0),
          number('gradientScale', 1),
          number('biasCorrection1', 1),
          number('biasCorrection2', 1),
        ],
        ...[output('parameterOut', D), output('mOut', D), output('vOut', D)],
      ],
    ],
    ['lerp', [floats('a', D), floats('b', D), number('weight', 0.5), output('y', D)]],
    ['sumSquares', [loose(floats('x', D))]],
    ['dropout', [floats('x', D), number('rate', 0.5, 1, -0.1, NaN, Infinity), ...seed, output('y', D)]],
    [
      'lockedDropout',
      [
        ...[size('batch', B), size('time', T), size('width', D), floats('x', B * T * D)],
        ...[number('rate', 0.5, 1, -0.1, NaN), ...seed, output('y', B * T * D)],
      ],
    ],
    [
      'dropoutMask',
      [size('size', D), number('rate', 0.5, 1.1, -0.1, NaN), ...seed, number('keepValue', 2), output('y', D)],
    ],
    [
      'gemm',
      [
        ...[size('m', 2), size('n', 3), size('k', 4), size('batch', 2), flag('sharedA'), flag('sharedB', true)],
        ...[floats('a', 16), flag('transposeA'), floats('b', 12), flag('transposeB', true)],
        ...[maybe(floats('bias', 3)), choice('activation', 4), output('c', 12)],
      ],
    ],
    ['packMatrix', [size('k', 4), size('n', 3), floats('b', 12), flag('transposeB')]],
    [
      'gemmPacked',
      [
        ...[size('m', 2), size('n', 3), size('k', 4), floats('a', 8), flag('transposeA')],
        ...[packed(addon.packMatrix(4, 3, numbers(12), false)), maybe(floats('bias', 3)), choice('activation', 4)],
        output('c', 6),
      ],
    ],
    ['unary', [choice('operation', 11), floats('x', D), output('y', D)]],
    [
      'binary',
      [choice('operation', 7), walk(2, 3, 3, 1, 0, 1), loose(floats('a', 6)), loose(floats('b', 3)), output('y', 6)],
    ],
    [
      'reduce',
      [choice('operation', 4), size('outer', 2), size('length', 3), size('inner', 4), floats('x', 24), output('y', 8)],
    ],
    [
      'copyStrided',
      [
        ...[walk(2, 3, 1, 2, 3, 1), loose(floats('from', 6)), size('fromOffset', 0)],
        ...[size('toLength', 6), output('to', 6), size('toOffset', 0)],
      ],
    ],
    ['castIntToFloat', [integers('x', [1, 2]), output('y', 2)]],
    ['castFloatToInt', [floats('x', 2), { name: 'y', value: new Int32Array(2), kind: 'output' }]],
  ];
}
