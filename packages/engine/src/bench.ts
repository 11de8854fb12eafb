/** Measures a whole training step of a language model on the active backend, and what of it is native kernels. */
import * as tf from '@tensorflow/tfjs-core';
import {
  Random,
  RecurrentLanguageModel,
  clipFactor,
  createOptimizer,
  findStepEngine,
  globalNorm,
  type WeightFormat,
} from '@cadenza/core';
import type { Addon } from './addon.js';
import { NativeBackend } from './nativeBackend.js';

export interface LanguageModelSize {
  hidden: number;
  batch: number;
  /** Tokens of a row in one training step. */
  steps: number;
  /** 65 when absent */
  symbols?: number;
  /** 2 when absent */
  layers?: number;
}

export interface BenchOptions {
  /** How long to measure, after two steps of warm-up; 2 when absent. */
  seconds?: number;
}

/** What one native function cost, a training step. */
export interface KernelCost {
  name: string;
  calls: number;
  milliseconds: number;
}

export interface LanguageModelProfile {
  tokensPerSecond: number;
  millisecondsPerStep: number;
  /** The part of the time outside native functions, 0 to 1. */
  outsideShare: number;
  kernels: KernelCost[];
}

/**
 * Training steps as core's trainer makes them: embedding, LSTM layers, linear layer, softmax cross-entropy, gradients, global
 * norm, Adam, the state carried over. Returns the median of their speeds.
 */
export function benchLanguageModel(size: LanguageModelSize, options: BenchOptions = {}): { tokensPerSecond: number } {
  const { step, dispose } = languageModelStep(size);
  const times = measure(step, options.seconds ?? 2);
  dispose();
  return { tokensPerSecond: (size.batch * size.steps) / median(times) };
}

/** The same on the native backend, or on its WebAssembly build, with the time of each native function. */
export function profileLanguageModel(size: LanguageModelSize, options: BenchOptions = {}): LanguageModelProfile {
  const { backend } = tf.engine();
  if (!(backend instanceof NativeBackend)) throw new Error('Expected the native backend to be active for a profile');
  const { step, dispose } = languageModelStep(size);
  const original = backend.addon;
  const costs = new Map<string, KernelCost>();
  for (let i = 0; i < 2; i++) step();
  Object.assign(backend, { addon: timed(original, costs) });
  try {
    const times = measure(step, options.seconds ?? 2, 0);
    const total = times.reduce((sum, time) => sum + time, 0) * 1000;
    const kernels = [...costs.values()].sort((a, b) => b.milliseconds - a.milliseconds);
    const inside = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    const each = ({ name, calls, milliseconds }: KernelCost) => ({
      name,
      calls: calls / times.length,
      milliseconds: milliseconds / times.length,
    });
    return {
      tokensPerSecond: (size.batch * size.steps) / median(times),
      millisecondsPerStep: total / times.length,
      outsideShare: 1 - inside / total,
      kernels: kernels.map(each),
    };
  } finally {
    Object.assign(backend, { addon: original });
    dispose();
  }
}

/** A language model to generate with: two LSTM layers of so many units, an embedding of the same size, 65 symbols. */
export interface GenerationSize {
  hidden: number;
  weights: WeightFormat;
  /** How long to measure; 2 unless told. */
  seconds?: number;
}

/**
 * Characters drawn one after the other (batch 1, temperature 1) by the active backend's step engine, in calls of 10 ms at most, as a
 * program makes them that keeps its event loop going. The median of the calls' speeds, and the best.
 */
export function benchGeneration({ hidden, weights, seconds = 2 }: GenerationSize): {
  charactersPerSecond: number;
  best: number;
} {
  const engine = findStepEngine(tf.getBackend());
  if (!engine) throw new Error(`Expected the backend ${tf.getBackend()} to have a step engine, got none`);
  const random = new Random(1);
  const model = new RecurrentLanguageModel(
    { vocabularySize: 65, embeddingSize: hidden, hiddenSize: hidden, layers: 2 },
    random,
  );
  const compiled = engine.compile(model.stepModel(weights)!)!;
  const session = compiled.session(1);
  const count = 8192;
  const tokens = new Int32Array(count);
  const request = {
    ...{ token: 0, count, temperature: 1, topK: 0, topP: 1, milliseconds: 10 },
    uniforms: Float64Array.from({ length: count }, () => random.next()),
    ...{ bannedTokens: new Int32Array(0), stopTokens: new Int32Array(0) },
    ...{ tokens, logProbabilities: new Float64Array(count) },
  };
  const speeds: number[] = [];
  const draw = () => {
    const before = performance.now();
    const drawn = session.sample(request);
    speeds.push((1000 * drawn) / (performance.now() - before));
    request.token = tokens[drawn - 1];
  };
  draw();
  speeds.length = 0;
  measure(draw, seconds);
  session.dispose();
  compiled.dispose();
  model.dispose();
  return { charactersPerSecond: median(speeds), best: Math.max(...speeds) };
}

/** A model with everything a training step needs. */
function languageModelStep({ hidden, batch, steps, symbols = 65, layers = 2 }: LanguageModelSize) {
  const random = new Random(1);
  const model = new RecurrentLanguageModel(
    { vocabularySize: symbols, embeddingSize: hidden, hiddenSize: hidden, layers },
    random,
  );
  const optimizer = createOptimizer({ name: 'adam' });
  const token = () => random.integer(symbols);
  const ids = Int32Array.from({ length: batch * steps }, token);
  const targets = Int32Array.from({ length: batch * steps }, token);
  const variables = [...model.parameters.values()];
  const names = new Map(Array.from(model.parameters, ([name, variable]) => [variable.name, name]));
  let state = model.initialState(batch);

  const step = (): number => {
    const loss = tf.tidy(() => {
      let next: tf.Tensor[] = [];
      const { value, grads } = tf.variableGrads(() => {
        const result = model.loss(
          tf.tensor2d(ids, [batch, steps], 'int32'),
          tf.tensor2d(targets, [batch, steps], 'int32'),
          state,
        );
        next = result.state.map((tensor) => tf.keep(tf.clone(tensor)));
        return result.loss;
      }, variables);
      const gradients = new Map(Object.entries(grads).map(([name, gradient]) => [names.get(name)!, gradient]));
      const gradientScale = clipFactor(globalNorm([...gradients.values()]), 1);
      optimizer.apply(model.parameters, gradients, { learningRate: 2e-3, gradientScale });
      tf.dispose(state);
      state = next;
      return value;
    });
    const nats = loss.dataSync()[0];
    loss.dispose();
    return nats;
  };
  const dispose = () => {
    tf.dispose([...state, ...optimizer.state().values()]);
    model.dispose();
  };
  return { step, dispose };
}

/** Seconds of each step, after a warm-up. */
function measure(step: () => void, seconds: number, warmUp = 2): number[] {
  for (let i = 0; i < warmUp; i++) step();
  const times: number[] = [];
  const started = performance.now();
  while (performance.now() - started < 1000 * seconds || times.length < 3) {
    const before = performance.now();
    step();
    times.push((performance.now() - before) / 1000);
  }
  return times;
}

/** The addon, each function with a clock around it. */
function timed(addon: Addon, costs: Map<string, KernelCost>): Addon {
  const wrapped: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(addon)) {
    if (typeof value !== 'function') {
      wrapped[name] = value;
      continue;
    }
    const cost: KernelCost = { name, calls: 0, milliseconds: 0 };
    wrapped[name] = (...given: unknown[]) => {
      if (cost.calls === 0) costs.set(name, cost);
      const before = performance.now();
      const result = value.apply(addon, given);
      cost.milliseconds += performance.now() - before;
      cost.calls++;
      return result;
    };
  }
  return wrapped as unknown as Addon;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
