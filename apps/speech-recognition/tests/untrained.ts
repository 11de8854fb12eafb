import { NormalizationStatistics } from '@cadenza/audio';
import { Random } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../src/config.js';
import { FeaturePipeline } from '../src/features.js';
import { learnLanguage } from '../src/languageModel.js';
import { createModel } from '../src/model.js';
import { Recognizer } from '../src/recognizer.js';
import type { OpenRun, RunDescription } from '../src/run.js';
import type { KnownVoices } from '../src/speakers.js';
import { SymbolTable } from '../src/symbols.js';
import { sing, tenTexts } from './tones.js';

/**
 * A recogniser with random weights, for what does not depend on what it hears. They are so large that it is sure of some symbol in
 * nearly every frame, and so that rounding does not choose between texts.
 */
export function untrained(config: Config, seed = 1, voices?: KnownVoices): Recognizer {
  const symbols = SymbolTable.learn(tenTexts, config.text);
  const { statistics, pipeline } = pipelineOf(config);
  const run: OpenRun = {
    ...{ directory: 'nowhere', description: { config } as RunDescription, config, symbols },
    pipeline: new FeaturePipeline(config.features, statistics, voices),
    language: learnLanguage(tenTexts, config),
    weights: { weight: config.decoding.weight ?? 0.5, wordBonus: config.decoding.wordBonus ?? 0 },
    ...{ step: 0, parameters: new Map() },
    loadModel() {
      const model = createModel(config, pipeline.dimension, symbols, new Random(seed));
      const kernel = model.parameters.get('output.kernel')!;
      tf.tidy(() => kernel.assign(tf.mul(kernel, 20)));
      return model;
    },
  };
  return new Recognizer(run);
}

function pipelineOf(config: Config): { statistics: NormalizationStatistics; pipeline: FeaturePipeline } {
  const pipeline = new FeaturePipeline({ ...config.features, normalization: 'none' });
  const frames = pipeline.withDeltas(pipeline.extract(sing('do re mi fa')));
  return { statistics: NormalizationStatistics.of(frames), pipeline };
}
