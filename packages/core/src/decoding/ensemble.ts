import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected, InputError } from '../errors.js';
import { choice, refuseUnknown } from '../options.js';
import type { SearchModel, SearchRows, SearchStep } from './searchModel.js';

/**
 * What is averaged over the members of an ensemble:
 *
 *     probabilities     log((1/M) sum_m p_m)
 *     logProbabilities  (1/M) sum_m log p_m, which a softmax makes the normalised geometric mean: a token that one member
 *                       finds impossible is impossible
 */
export type EnsembleAverage = 'probabilities' | 'logProbabilities';

/** In place of -Infinity as what is taken away before exp. */
const LEAST_LOG_PROBABILITY = -1e30;

/**
 * Several models that read the same tokens as one, whose probabilities are the average of theirs; its attention is the mean of
 * theirs where all give it. Its state is an array of theirs, in their order.
 */
export function ensemble<State>(
  models: readonly SearchModel<State>[],
  options: { average?: EnsembleAverage } = {},
): SearchModel<State[]> {
  refuseUnknown('ensemble', options, ['average']);
  const average = choice(options.average, ['probabilities', 'logProbabilities'] as const, 'probabilities', 'average');
  if (models.length === 0) throw new ConfigError('Expected an ensemble of at least one model, got none');
  const { vocabularySize } = models[0];
  for (const model of models) {
    if (model.vocabularySize === vocabularySize) continue;
    const what = 'the vocabularySize of every model of an ensemble';
    throw new ConfigError(expected(what, `that of the first, ${vocabularySize}`, model.vocabularySize));
  }
  return new Ensemble(models, average, vocabularySize);
}

class Ensemble<State> implements SearchModel<State[]> {
  constructor(
    private readonly models: readonly SearchModel<State>[],
    private readonly average: EnsembleAverage,
    readonly vocabularySize: number,
  ) {}

  step(tokens: Int32Array, states: State[], rows: SearchRows): SearchStep<State[]> {
    const steps: SearchStep<State>[] = [];
    try {
      this.models.forEach((model, index) => steps.push(model.step(tokens, this.stateOf(states, index), rows)));
      const { logits, attention } = tf.tidy(() => ({
        logits: averageLogits(
          steps.map((step) => step.logits),
          this.average,
        ),
        attention: averageAttention(steps.map((step) => step.attention)),
      }));
      return { logits, state: steps.map((step) => step.state), attention };
    } catch (error) {
      steps.forEach((step, index) => this.models[index].dispose(step.state));
      throw error;
    } finally {
      for (const { logits, attention } of steps) tf.dispose([logits, ...(attention ? [attention] : [])]);
    }
  }

  select(states: State[], rows: Int32Array, sentences: Int32Array): State[] {
    const selected: State[] = [];
    try {
      this.models.forEach((model, index) => selected.push(model.select(states[index], rows, sentences)));
      return selected;
    } catch (error) {
      this.dispose(selected);
      throw error;
    }
  }

  dispose(states: State[]): void {
    states.forEach((state, index) => this.models[index].dispose(state));
  }

  private stateOf(states: State[], index: number): State {
    if (states.length === this.models.length) return states[index];
    throw new InputError(expected('the states of an ensemble', `${this.models.length}, one a model`, states.length));
  }
}

/** The logits of the average of what the members' logits say: [R, V] of each member -> [R, V] */
function averageLogits(members: tf.Tensor2D[], average: EnsembleAverage): tf.Tensor2D {
  const logProbabilities = members.map((logits) => tf.logSoftmax(logits));
  const mean = (tensors: tf.Tensor[]): tf.Tensor2D => tf.div<tf.Tensor2D>(tf.addN(tensors), members.length);
  if (average === 'logProbabilities') return mean(logProbabilities);
  const largest = logProbabilities.reduce((a, b) => tf.maximum(a, b), tf.scalar(LEAST_LOG_PROBABILITY));
  return tf.add<tf.Tensor2D>(tf.log(mean(logProbabilities.map((value) => tf.exp(tf.sub(value, largest))))), largest);
}

/** [R, S] of each member -> [R, S] */
function averageAttention(members: (tf.Tensor2D | undefined)[]): tf.Tensor2D | undefined {
  const given = members.filter((attention) => attention !== undefined);
  if (given.length < members.length) return undefined;
  for (const { shape } of given) {
    if (shape.join() === given[0].shape.join()) continue;
    throw new InputError(
      `Expected the attention of all models of an ensemble to have shape [${given[0].shape}], got [${shape}]`,
    );
  }
  return tf.div<tf.Tensor2D>(tf.addN(given), given.length);
}
