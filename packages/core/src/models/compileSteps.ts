import * as tf from '@tensorflow/tfjs-core';
import { drawTokens } from '../decoding/drawTokens.js';
import { checkStates, checkStepTokens, referenceStepEngine } from '../decoding/referenceStepEngine.js';
import { findStepEngine, type CompiledStepModel, type SampleRequest } from '../decoding/stepEngine.js';
import type { StepSession, WeightFormat } from '../decoding/stepEngine.js';
import type { RecurrentLanguageModel, State } from './languageModel.js';

/** What runs a model's single steps: the backend's engine, plain TypeScript, or the model's own operations on tensors. */
export type StepWay = 'engine' | 'plain' | 'tensors';

/**
 * Makes a model ready for single steps on the active backend, by the quickest way there is: the backend's step engine; without
 * one, for bf16 and int8, the plain {@link referenceStepEngine}; and for float32, or a model that cannot be described to an
 * engine, the model's own operations, whose weights are float32. `way` says which. The weights are read here, once: a model that
 * is trained on has to be compiled again, unless its steps go through tensors.
 */
export function compileSteps(
  model: RecurrentLanguageModel,
  format: WeightFormat = 'f32',
): CompiledStepModel & { way: StepWay } {
  const backend = findStepEngine(tf.getBackend());
  const engine = backend ?? (format === 'f32' ? undefined : referenceStepEngine);
  const description = engine ? model.stepModel(format) : null;
  const compiled = description && engine!.compile(description);
  if (compiled) {
    const way = backend ? 'engine' : 'plain';
    return { way, session: (batch) => compiled.session(batch), dispose: () => compiled.dispose() };
  }
  return { way: 'tensors', session: (batch) => new TensorSession(model, batch), dispose: () => {} };
}

/** A session whose steps are the model's own, one operation a layer. */
class TensorSession implements StepSession {
  private state: State;

  constructor(
    private readonly model: RecurrentLanguageModel,
    readonly batch: number,
  ) {
    this.state = model.initialState(batch);
  }

  step(tokens: Int32Array): Float32Array {
    checkStepTokens(tokens, this.batch, this.model.config.vocabularySize);
    const [logits, ...state] = tf.tidy(() => {
      const result = this.model.step(tf.tensor1d(tokens, 'int32'), this.state);
      return [result.logits, ...result.state];
    });
    this.keep(state);
    const values = logits.dataSync().slice() as Float32Array; // [B * V]
    logits.dispose();
    return values;
  }

  sample(request: SampleRequest): number {
    return drawTokens(this, request);
  }

  states(): Float32Array[] {
    return this.state.map((tensor) => tensor.dataSync().slice() as Float32Array);
  }

  setStates(states: readonly Float32Array[]): void {
    checkStates(
      states,
      this.state.map(({ size }) => ({ length: size })),
    );
    this.keep(states.map((values, index) => tf.tensor(values.slice(), this.state[index].shape)));
  }

  dispose(): void {
    tf.dispose(this.state);
    this.state = [];
  }

  private keep(state: State): void {
    tf.dispose(this.state);
    this.state = state;
  }
}
