import * as tf from '@tensorflow/tfjs-core';
import { adamKernel, lerpKernel } from './adam.js';
import { attentionGradKernel, attentionKernel } from './attentionKernel.js';
import { consistencyGradKernel, consistencyKernel } from './consistencyLoss.js';
import { ctcKernel } from './ctcKernel.js';
import { dropoutGradient, dropoutKernel, dropoutMaskKernel } from './dropout.js';
import { embeddingGradient, embeddingGradKernel, embeddingKernel } from './embedding.js';
import { finitePaddingKernel } from './finitePadding.js';
import { gruGradKernel, gruKernel } from './gruKernel.js';
import { asKernelFunc } from './kernel.js';
import { lstmGradKernel, lstmKernel } from './lstmKernel.js';
import { maskedMeanGradKernel, maskedMeanKernel } from './maskedMean.js';
import { rnnGradKernel, rnnKernel } from './rnnKernel.js';
import { pairKernel, pairedKernels, pairedName } from './sequencePair.js';
import { softmaxCrossEntropyGradKernel, softmaxCrossEntropyKernel } from './softmaxCrossEntropy.js';
import { squaredNormsKernel, sumSquaresGradient, sumSquaresKernel } from './sumSquares.js';
import { topLogProbabilitiesKernel } from './topLogProbabilities.js';

/** Every kernel of Cadenza in plain JavaScript, by name: what a backend falls back to. */
export const genericKernels: Record<string, tf.KernelFunc> = {
  CadenzaLSTM: asKernelFunc(lstmKernel),
  CadenzaLSTMGrad: asKernelFunc(lstmGradKernel),
  CadenzaGRU: asKernelFunc(gruKernel),
  CadenzaGRUGrad: asKernelFunc(gruGradKernel),
  CadenzaRNN: asKernelFunc(rnnKernel),
  CadenzaRNNGrad: asKernelFunc(rnnGradKernel),
  CadenzaEmbedding: asKernelFunc(embeddingKernel),
  CadenzaEmbeddingGrad: asKernelFunc(embeddingGradKernel),
  CadenzaSoftmaxCrossEntropy: asKernelFunc(softmaxCrossEntropyKernel),
  CadenzaSoftmaxCrossEntropyGrad: asKernelFunc(softmaxCrossEntropyGradKernel),
  CadenzaConsistency: asKernelFunc(consistencyKernel),
  CadenzaConsistencyGrad: asKernelFunc(consistencyGradKernel),
  CadenzaTopLogProbabilities: asKernelFunc(topLogProbabilitiesKernel),
  CadenzaAttention: asKernelFunc(attentionKernel),
  CadenzaAttentionGrad: asKernelFunc(attentionGradKernel),
  CadenzaCTC: asKernelFunc(ctcKernel),
  CadenzaMaskedMean: asKernelFunc(maskedMeanKernel),
  CadenzaMaskedMeanGrad: asKernelFunc(maskedMeanGradKernel),
  CadenzaFinitePadding: asKernelFunc(finitePaddingKernel),
  CadenzaDropout: asKernelFunc(dropoutKernel),
  CadenzaDropoutMask: asKernelFunc(dropoutMaskKernel),
  CadenzaSumSquares: asKernelFunc(sumSquaresKernel),
  CadenzaSquaredNorms: asKernelFunc(squaredNormsKernel),
  CadenzaAdam: asKernelFunc(adamKernel),
  CadenzaLerp: asKernelFunc(lerpKernel),
};

/** Gives a backend every Cadenza kernel it does not have yet. Native ones that are there already stay. */
export function registerCadenzaKernels(backendName: string): void {
  for (const [kernelName, kernelFunc] of Object.entries(genericKernels)) {
    if (tf.getKernel(kernelName, backendName)) continue;
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  }
  for (const name of pairedKernels) {
    const kernelName = pairedName(name);
    if (tf.getKernel(kernelName, backendName)) continue;
    tf.registerKernel({ kernelName, backendName, kernelFunc: pairKernel(tf.getKernel(name, backendName)!.kernelFunc) });
  }
}

/** Registers the gradients of the one-output operations; the others carry theirs (see `differentiable`). */
function registerGradients(): void {
  for (const gradient of [dropoutGradient, embeddingGradient, sumSquaresGradient]) {
    if (!tf.getGradient(gradient.kernelName)) tf.registerGradient(gradient);
  }
}

registerGradients();
registerCadenzaKernels('cpu');
