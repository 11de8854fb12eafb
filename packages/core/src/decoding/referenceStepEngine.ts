import { expected, InputError } from '../errors.js';
import { drawTokens } from './drawTokens.js';
import { cellStep, type ReferenceLayer } from './referenceCells.js';
import { referenceMatrix, referenceProduct, rowOf, type ReferenceMatrix } from './referenceProduct.js';
import type { CompiledStepModel, SampleRequest, StepEngine, StepModel, StepSession } from './stepEngine.js';

/**
 * Single steps in plain TypeScript, on any backend and without tensors: the readable form of what an engine computes, slow, and
 * what engines are tested against. float32 states and gates, sums in float64; for int8 see {@link referenceProduct}.
 */
export const referenceStepEngine: StepEngine = {
  compile: (model) => new ReferenceModel(model),
};

class ReferenceModel implements CompiledStepModel {
  readonly embedding: ReferenceMatrix | null;
  readonly layers: ReferenceLayer[];
  readonly output: { kernel: ReferenceMatrix; bias: Float32Array | null };
  readonly skipToOutput: boolean;
  readonly vocabularySize: number;

  constructor(model: StepModel) {
    this.vocabularySize = model.vocabularySize;
    this.skipToOutput = model.skipToOutput;
    this.embedding = model.embedding && referenceMatrix(model.embedding);
    this.output = { kernel: referenceMatrix(model.output.kernel), bias: model.output.bias };
    this.layers = model.layers.map((layer) => ({
      ...layer,
      kernel: referenceMatrix(layer.kernel),
      recurrentKernel: referenceMatrix(layer.recurrentKernel),
    }));
  }

  session(batch: number): StepSession {
    if (!Number.isInteger(batch) || batch < 1) throw new InputError(expected('batch', 'a positive integer', batch));
    return new ReferenceSession(this, batch);
  }

  dispose(): void {}
}

class ReferenceSession implements StepSession {
  /** For each state a row for each text. */
  private readonly rows: Float32Array[][];

  constructor(
    private readonly model: ReferenceModel,
    readonly batch: number,
  ) {
    const sizes = model.layers.flatMap(({ cell, units }) => (cell === 'lstm' ? [units, units] : [units]));
    this.rows = sizes.map((size) => Array.from({ length: batch }, () => new Float32Array(size)));
  }

  step(tokens: Int32Array): Float32Array {
    const { vocabularySize } = this.model;
    checkStepTokens(tokens, this.batch, vocabularySize);
    const logits = new Float32Array(this.batch * vocabularySize);
    tokens.forEach((token, row) => logits.set(this.stepRow(token, row), row * vocabularySize));
    return logits;
  }

  private stepRow(token: number, row: number): Float32Array {
    const { embedding, layers, output, skipToOutput } = this.model;
    let x = embedding ? rowOf(embedding, token) : new Float32Array(0); // [E]
    const features: Float32Array[] = [];
    let used = 0;
    layers.forEach((layer, index) => {
      const count = layer.cell === 'lstm' ? 2 : 1;
      const state = this.rows.slice(used, used + count).map((rows) => rows[row]);
      const isTable = index === 0 && embedding === null;
      cellStep(layer, isTable ? rowOf(layer.kernel, token) : referenceProduct(x, layer.kernel), state);
      const below = x;
      x = layer.residual ? state[0].map((value, unit) => value + below[unit]) : state[0]; // [H]
      features.push(x);
      used += count;
    });
    const seen = skipToOutput ? Float32Array.from(features.flatMap((part) => Array.from(part))) : x; // [P]
    const logits = referenceProduct(seen, output.kernel); // [V]
    return output.bias ? logits.map((value, id) => value + output.bias![id]) : logits;
  }

  sample(request: SampleRequest): number {
    return drawTokens(this, request);
  }

  states(): Float32Array[] {
    return this.rows.map((rows) => Float32Array.from(rows.flatMap((row) => Array.from(row))));
  }

  setStates(states: readonly Float32Array[]): void {
    checkStates(states, this.states());
    states.forEach((state, index) => {
      const size = state.length / this.batch;
      this.rows[index].forEach((row, text) => row.set(state.subarray(text * size, (text + 1) * size)));
    });
  }

  dispose(): void {}
}

/** Refuses tokens of a step that are not one id for each row. */
export function checkStepTokens(tokens: Int32Array, batch: number, vocabularySize: number): void {
  if (tokens.length !== batch) throw new InputError(expected('tokens', `${batch} ids`, tokens.length));
  const wrong = tokens.find((token) => !(token >= 0 && token < vocabularySize));
  if (wrong !== undefined) throw new InputError(expected('a token', `an id from 0 to ${vocabularySize - 1}`, wrong));
}

/** Refuses states that are not those of a session, by number and sizes. */
export function checkStates(states: readonly Float32Array[], own: readonly { length: number }[]): void {
  const lengths = (list: readonly { length: number }[]): string => list.map(({ length }) => length).join(', ');
  if (lengths(states) === lengths(own)) return;
  throw new InputError(`Expected states of ${lengths(own)} values, got ${lengths(states)}`, { code: 'SHAPE' });
}
