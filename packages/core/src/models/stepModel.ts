import type * as tf from '@tensorflow/tfjs-core';
import type { StepLayer, StepMatrix, StepModel, WeightFormat } from '../decoding/stepEngine.js';
import { packMatrix, transposeValues } from '../decoding/stepMatrix.js';
import type { LanguageModelConfig } from './languageModel.js';

/** Describes a language model's weights for single steps; see {@link RecurrentLanguageModel.stepModel}. */
export function describeSteps(
  config: LanguageModelConfig,
  parameters: ReadonlyMap<string, tf.Tensor>,
  format: WeightFormat,
): StepModel | null {
  if (config.layerNorm || config.projectionSize > 0) return null;
  const valuesOf = (name: string): Float32Array => {
    const values = parameters.get(name)!.dataSync() as Float32Array;
    return values.slice(); // a backend may hand out its own storage, which training overwrites
  };
  const matrix = (name: string): StepMatrix => packMatrix(valuesOf(name), parameters.get(name)!.shape[1]!, format);
  const layers = Array.from({ length: config.layers }, (_, index): StepLayer => {
    const zoneout = { zoneoutH: config.zoneout.hidden, zoneoutC: config.zoneout.cell };
    return {
      cell: config.cell,
      units: config.hiddenSize,
      kernel: matrix(`layers.${index}.kernel`),
      recurrentKernel: matrix(`layers.${index}.recurrentKernel`),
      bias: valuesOf(`layers.${index}.bias`),
      ...(config.cell === 'gru' ? { resetAfter: true } : {}),
      ...(config.cell === 'rnn' ? { activation: 'tanh' } : {}),
      ...zoneout,
      residual: config.residual && index > 0,
    };
  });
  // A step reads one row of the embedding, so one byte a value would save no time; bf16 is exact in what it keeps.
  const embeddingFormat = format === 'int8' ? 'f32' : format;
  const { embeddingSize: E, vocabularySize, skipToOutput } = config;
  return {
    vocabularySize,
    embedding: E === 0 ? null : packMatrix(valuesOf('embedding'), E, embeddingFormat),
    layers,
    skipToOutput,
    output: {
      kernel: config.tieWeights ? tiedKernel(valuesOf, config, format) : matrix('output.kernel'),
      bias: valuesOf('output.bias'),
    },
  };
}

/** The embedding, transposed, as the output's kernel: with the projection before it, where there is one, in one matrix [P, V]. */
function tiedKernel(
  valuesOf: (name: string) => Float32Array,
  { embeddingSize: E, vocabularySize: V, hiddenSize, layers, skipToOutput }: LanguageModelConfig,
  format: WeightFormat,
): StepMatrix {
  const embedding = valuesOf('embedding'); // [V, E]
  const P = skipToOutput ? hiddenSize * layers : hiddenSize;
  if (P === E) return packMatrix(transposeValues(embedding, E), V, format);
  const projection = valuesOf('output.projection'); // [P, E]
  const product = new Float32Array(P * V);
  for (let row = 0; row < P; row++) {
    for (let token = 0; token < V; token++) {
      let sum = 0;
      for (let e = 0; e < E; e++) sum += projection[row * E + e] * embedding[token * E + e];
      product[row * V + token] = sum;
    }
  }
  return packMatrix(product, V, format);
}
