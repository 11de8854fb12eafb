import '@tensorflow/tfjs-backend-cpu';

export {
  adamStep,
  adamSteps,
  lerp,
  type AdamAttributes,
  type AdamOptions as AdamStepOptions,
  type AdamParameter,
  type AdamStepArgs,
  type AdamUpdate,
} from './adam.js';
export {
  attention,
  type AttentionOptions as AttentionOpOptions,
  type AttentionResult as AttentionOpResult,
  type AttentionScore as AttentionOpScore,
} from './attention.js';
export { consistencyLoss } from './consistencyLoss.js';
export { ctcLoss, type CtcLossOptions } from './ctc.js';
export { checkCtcLabels } from './ctcKernel.js';
export { dropout, dropoutMask, type DropoutMaskOptions, type DropoutOptions } from './dropout.js';
export { embeddingLookup } from './embedding.js';
export { stackFrames, stackedLength, type FrameStackingOptions } from './frameStacking.js';
export { gru, gruTrace, type GruArgs, type GruResult, type GruTrace } from './gru.js';
export { lstm, lstmTrace, type LstmArgs, type LstmResult, type LstmTrace } from './lstm.js';
export { maskedMean } from './maskedMean.js';
export { genericKernels, registerCadenzaKernels } from './register.js';
export { rnnTrace, simpleRnn, type RnnActivation, type RnnArgs, type RnnResult, type RnnTrace } from './rnn.js';
export { callsOfPair, pairedName } from './sequencePair.js';
export { softmaxCrossEntropy, IGNORED_LABEL, type CrossEntropyOptions } from './softmaxCrossEntropy.js';
export { globalNorm, squaredNorms, sumSquares } from './sumSquares.js';
export { topLogProbabilities, type TopLogProbabilities } from './topLogProbabilities.js';
