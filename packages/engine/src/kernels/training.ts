import type { AdamAttributes } from '@cadenza/core/browser';
import { checkedIds, refuseIds } from './ids.js';
import { nativeKernel, sizeOf, type Call, type UnregisteredKernel } from './kernel.js';

function embedding(call: Call) {
  const { inputs, backend } = call;
  const { table, ids } = inputs;
  const [vocabulary, width] = table.shape;
  const y = backend.output([...ids.shape, width]);
  checkedIds(call, () =>
    backend.addon.embeddingForward(vocabulary, width, backend.floats(table), backend.integers(ids), y.values),
  );
  return y.info;
}

function embeddingGrad(call: Call<{ vocabularySize: number }>) {
  const { inputs, attrs, backend } = call;
  const { vocabularySize } = attrs;
  const width = inputs.dy.shape[inputs.dy.shape.length - 1];
  const ids = backend.integers(inputs.ids);
  const dtable = backend.output([vocabularySize, width]);
  refuseIds(ids, 0, vocabularySize, 'ids');
  backend.addon.embeddingBackward(vocabularySize, width, ids, backend.floats(inputs.dy), dtable.values);
  return dtable.info;
}

function softmaxCrossEntropy(call: Call<{ smoothing: number }>) {
  const { inputs, attrs, backend } = call;
  const [rows, columns] = inputs.logits.shape;
  const [logits, labels] = [backend.floats(inputs.logits), backend.integers(inputs.labels)];
  const losses = backend.output([rows]);
  const normalizers = backend.output([2, rows]);
  checkedIds(call, () =>
    backend.addon.softmaxCrossEntropyForward(
      ...([rows, columns, attrs.smoothing, logits, labels, losses.values, normalizers.values] as const),
    ),
  );
  return [losses.info, normalizers.info];
}

function softmaxCrossEntropyGrad({ inputs, attrs, backend }: Call<{ smoothing: number }>) {
  const [rows, columns] = inputs.logits.shape;
  const [logits, normalizers, dy] = [inputs.logits, inputs.normalizers, inputs.dy].map((x) => backend.floats(x));
  const labels = backend.integers(inputs.labels);
  const dlogits = backend.output([rows, columns]);
  backend.addon.softmaxCrossEntropyBackward(
    ...([rows, columns, attrs.smoothing, logits, labels, normalizers, dy, dlogits.values] as const),
  );
  return dlogits.info;
}

function consistency({ inputs, backend }: Call) {
  const [rows, columns] = inputs.logits.shape;
  const losses = backend.output([rows / 2]);
  const normalizers = backend.output([2, rows]);
  const divergence = backend.output([rows]);
  backend.addon.consistencyForward(
    ...([rows / 2, columns, backend.floats(inputs.logits), backend.integers(inputs.labels)] as const),
    ...([losses.values, normalizers.values, divergence.values] as const),
  );
  return [losses.info, normalizers.info, divergence.info];
}

function consistencyGrad({ inputs, backend }: Call) {
  const [rows, columns] = inputs.logits.shape;
  const dlogits = backend.output([rows, columns]);
  backend.addon.consistencyBackward(
    ...([rows / 2, columns, backend.floats(inputs.logits), backend.integers(inputs.labels)] as const),
    ...([backend.floats(inputs.normalizers), backend.floats(inputs.divergence)] as const),
    ...([backend.floats(inputs.dy), dlogits.values] as const),
  );
  return dlogits.info;
}

function dropout(call: Call<{ rate: number; seed: [number, number]; locked: boolean }>) {
  const { inputs, attrs, backend } = call;
  const { x } = inputs;
  const { rate, seed, locked } = attrs;
  const y = backend.output(x.shape);
  if (locked) {
    const [batch, time, width] = x.shape;
    backend.addon.lockedDropout(batch, time, width, backend.floats(x), rate, seed[0], seed[1], y.values);
  } else {
    backend.addon.dropout(backend.floats(x), rate, seed[0], seed[1], y.values);
  }
  return y.info;
}

function dropoutMask(call: Call<{ shape: number[]; rate: number; seed: [number, number]; scale: boolean }>) {
  const { attrs, backend } = call;
  const { shape, rate, seed, scale } = attrs;
  const mask = backend.output(shape);
  backend.addon.dropoutMask(sizeOf(shape), rate, seed[0], seed[1], scale ? 1 / (1 - rate) : 1, mask.values);
  return mask.info;
}

function sumSquares({ inputs, backend }: Call) {
  const sum = backend.output([]);
  sum.values[0] = backend.addon.sumSquares(backend.floats(inputs.x));
  return sum.info;
}

function squaredNorms({ inputs, attrs, backend }: Call<{ count: number }>) {
  const sums = backend.output([attrs.count]);
  for (let index = 0; index < attrs.count; index++) {
    sums.values[index] = backend.addon.sumSquares(backend.floats(inputs[`x${index}`]));
  }
  return sums.info;
}

function adam({ inputs, attrs, backend }: Call<AdamAttributes>) {
  const { learningRate, beta1, beta2, epsilon, gradientScale, biasCorrection1, biasCorrection2 } = attrs;
  return attrs.weightDecays.flatMap((weightDecay, index) => {
    const parameter = inputs[`parameter${index}`];
    const outputs = [0, 1, 2].map(() => backend.output(parameter.shape));
    backend.addon.adam(
      ...([backend.floats(parameter), backend.floats(inputs[`gradient${index}`])] as const),
      ...([backend.floats(inputs[`m${index}`]), backend.floats(inputs[`v${index}`])] as const),
      ...([learningRate, beta1, beta2, epsilon, weightDecay, gradientScale] as const),
      ...([biasCorrection1, biasCorrection2, outputs[0].values, outputs[1].values, outputs[2].values] as const),
    );
    return outputs.map(({ info }) => info);
  });
}

function lerp({ inputs, attrs, backend }: Call<{ weight: number }>) {
  const y = backend.output(inputs.a.shape);
  backend.addon.lerp(backend.floats(inputs.a), backend.floats(inputs.b), attrs.weight, y.values);
  return y.info;
}

export const trainingKernels = (): UnregisteredKernel[] => [
  nativeKernel('CadenzaEmbedding', embedding),
  nativeKernel('CadenzaEmbeddingGrad', embeddingGrad),
  nativeKernel('CadenzaSoftmaxCrossEntropy', softmaxCrossEntropy),
  nativeKernel('CadenzaSoftmaxCrossEntropyGrad', softmaxCrossEntropyGrad),
  nativeKernel('CadenzaConsistency', consistency),
  nativeKernel('CadenzaConsistencyGrad', consistencyGrad),
  nativeKernel('CadenzaDropout', dropout),
  nativeKernel('CadenzaDropoutMask', dropoutMask),
  nativeKernel('CadenzaSumSquares', sumSquares),
  nativeKernel('CadenzaSquaredNorms', squaredNorms),
  nativeKernel('CadenzaAdam', adam),
  nativeKernel('CadenzaLerp', lerp),
];
