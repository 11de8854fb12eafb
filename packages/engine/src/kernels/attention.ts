import type * as tf from '@tensorflow/tfjs-core';
import type { AttentionArguments } from '../addon.js';
import { refuseIds } from './ids.js';
import { nativeKernel, type Call, type UnregisteredKernel } from './kernel.js';

type AttentionCall = Call<{ score: string; scale: number; heads: number }>;

/** The arguments that both directions begin with. */
function opening({ inputs, attrs, backend }: AttentionCall): AttentionArguments {
  const { query, keys, values, vector } = inputs;
  const [B, T, H] = query.shape;
  const [, S, C] = values.shape;
  const lengths = inputs.lengths ? backend.integers(inputs.lengths) : null;
  if (lengths) refuseIds(lengths, 0, S + 1, 'lengths');
  return [
    ...([B, T, S, H, C, attrs.heads, attrs.scale] as const),
    ...([backend.floats(query), backend.floats(keys), backend.floats(values)] as const),
    ...([vector ? backend.floats(vector) : null, lengths] as const),
  ];
}

function attention(call: AttentionCall): tf.TensorInfo[] {
  const { inputs, attrs, backend } = call;
  const [B, T] = inputs.query.shape;
  const [, S, C] = inputs.values.shape;
  const given = opening(call);
  const context = backend.output([B, T, C]);
  const weights = backend.output([B, attrs.heads, T, S]);
  backend.addon.attentionForward(...given, context.values, weights.values);
  return [context.info, weights.info];
}

function attentionGrad(call: AttentionCall): tf.TensorInfo[] {
  const { inputs, backend } = call;
  const { query, keys, values, vector, weights, dcontext, dweights } = inputs;
  const gradients = [query, keys, values].map(({ shape }) => backend.output(shape));
  const [dquery, dkeys, dvalues] = gradients.map((output) => output.values);
  const dvector = vector ? backend.output(vector.shape) : null;
  backend.addon.attentionBackward(
    ...opening(call),
    ...([backend.floats(weights), backend.floats(dcontext), dweights ? backend.floats(dweights) : null] as const),
    ...([dquery, dkeys, dvalues, dvector?.values ?? null] as const),
  );
  return [...gradients, ...(dvector ? [dvector] : [])].map(({ info }) => info);
}

function topLogProbabilities({ inputs, attrs, backend }: Call<{ k: number }>): tf.TensorInfo[] {
  const { k } = attrs;
  const [rows, columns] = inputs.logits.shape;
  const values = backend.output([rows, k]);
  const ids = new Int32Array(rows * k);
  backend.addon.topLogProbabilities(rows, columns, k, backend.floats(inputs.logits), values.values, ids);
  return [values.info, { dataId: backend.write(ids, [rows, k], 'int32'), shape: [rows, k], dtype: 'int32' }];
}

export const attentionKernels = (): UnregisteredKernel[] => [
  nativeKernel('CadenzaAttention', attention),
  nativeKernel('CadenzaAttentionGrad', attentionGrad),
  nativeKernel('CadenzaTopLogProbabilities', topLogProbabilities),
];
