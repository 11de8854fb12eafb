import { describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import {
  compileSteps,
  drawTokens,
  Random,
  RecurrentLanguageModel,
  referenceStepEngine,
  type WeightFormat,
} from '@cadenza/core';
import { selectBackend } from '../../src/index.js';

describe('the step engine of the WebAssembly backend', () => {
  it.each<WeightFormat>(['f32', 'bf16', 'int8'])(
    'draws what the reference draws, with weights in %s',
    async (format) => {
      await selectBackend('wasm');
      const model = new RecurrentLanguageModel({ vocabularySize: 11, hiddenSize: 33, layers: 2 }, new Random(3));
      const compiled = compileSteps(model, format);
      expect(compiled.way).toBe('engine');
      const request = () => ({
        ...{ token: 1, count: 50, temperature: 1, topK: 5, topP: 0.9, milliseconds: Infinity },
        uniforms: Float64Array.from({ length: 50 }, (_, i) => (i * 0.618) % 1),
        ...{ bannedTokens: Int32Array.of(3), stopTokens: new Int32Array(0) },
        ...{ tokens: new Int32Array(50), logProbabilities: new Float64Array(50) },
      });
      const [mine, theirs] = [request(), request()];
      const session = compiled.session(1);
      expect(session.sample(mine)).toBe(50);
      drawTokens(referenceStepEngine.compile(model.stepModel(format)!)!.session(1), theirs);
      expect(Array.from(mine.tokens)).toEqual(Array.from(theirs.tokens));
      mine.logProbabilities.forEach((value, i) => expect(value).toBeCloseTo(theirs.logProbabilities[i], 3));
      expect(() => session.step(Int32Array.of(11))).toThrow('Expected tokens[0] to be in [0, 11), got 11');
      session.dispose();
      compiled.dispose();
      model.dispose();
      await tf.setBackend('cpu');
    },
  );
});
