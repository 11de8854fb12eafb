import { checkCtcLabels } from '@cadenza/core/browser';
import { nativeKernel, type Call, type UnregisteredKernel } from './kernel.js';

interface CtcAttributes {
  blank: number;
  zeroInfinity: boolean;
  gradient: boolean;
}

function ctcLoss({ inputs, attrs, backend }: Call<CtcAttributes>) {
  const { blank, zeroInfinity, gradient } = attrs;
  const [B, F, V] = inputs.logits.shape;
  const L = inputs.labels.shape[1];
  const logits = backend.floats(inputs.logits);
  const [labels, frameLengths, labelLengths] = [inputs.labels, inputs.frameLengths, inputs.labelLengths].map((x) =>
    backend.integers(x),
  );
  checkCtcLabels({ labels, frameLengths, labelLengths }, { F, V, L, blank });
  const losses = backend.output([B]);
  const dlogits = gradient ? backend.output([B, F, V]) : null;
  backend.addon.ctcLoss(
    ...([B, F, V, L, blank, zeroInfinity, logits, labels, frameLengths, labelLengths] as const),
    ...([losses.values, dlogits?.values ?? null] as const),
  );
  return dlogits ? [losses.info, dlogits.info] : [losses.info];
}

export const ctcKernels = (): UnregisteredKernel[] => [nativeKernel('CadenzaCTC', ctcLoss)];
