/**
 * The sizes that are measured, the same for us and for every peer. The language model is: embedding of size H, layers of H
 * LSTM units, linear, softmax cross-entropy, clipping by global norm, Adam.
 */
export const symbols = 65;
export const layers = 2;

/** How numbers are kept: in training and products the first two, in generation the weights. */
export const formats = ['f32', 'bf16', 'int8'];

export const training = [
  { name: 'lm-h128', hidden: 128, batch: 50, steps: 50 },
  { name: 'lm-h256', hidden: 256, batch: 64, steps: 64 },
  { name: 'lm-h512', hidden: 512, batch: 64, steps: 128 },
];

export const generation = [
  { name: 'generate-h128', hidden: 128 },
  { name: 'generate-h512', hidden: 512 },
];

/** The model and the sentences are those of translationTask.mjs. */
export const translation = [
  { name: 'translation-train', what: 'train', figure: 'tokens_per_second' },
  { name: 'translation-beam5', what: 'beam', figure: 'sentences_per_second' },
  { name: 'translation-greedy', what: 'greedy', figure: 'sentences_per_second' },
];

/** The model and the recordings are those of speechTask.mjs. */
export const speech = [
  { name: 'speech-train', what: 'train', figure: 'frames_per_second' },
  { name: 'ctc', what: 'ctc', figure: 'losses_per_second' },
  { name: 'mfcc', what: 'mfcc', figure: 'audio_seconds_per_second' },
];

/** The features of sound that are measured; lengths in samples. */
export const cepstra = { sampleRate: 16_000, frameLength: 512, frameShift: 160, bands: 26, count: 13 };

/** m x k times k x n: a square one, and the input product and the weight gradient of lm-h256's layers. */
export const gemm = [
  { name: 'gemm-1024', m: 1024, k: 1024, n: 1024 },
  { name: 'gemm-input-h256', m: 4096, k: 256, n: 1024 },
  { name: 'gemm-gradient-h256', m: 256, k: 4096, n: 1024 },
];

/**
 * Floating-point operations of training on one token, a multiplication and an addition being two: the products of the
 * layers (input and recurrent, 4 H each) and of the output, once forward and twice backward. Elementwise work and the
 * optimizer are not counted, and the embedding is a lookup.
 *
 * @param {number} hidden
 */
export function trainingFlopsPerToken(hidden) {
  return 3 * 2 * (layers * 8 * hidden * hidden + hidden * symbols);
}
