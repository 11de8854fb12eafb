import {
  checkSampleRequest,
  checkStates,
  expected,
  InputError,
  type CompiledStepModel,
  type SampleRequest,
  type StepEngine,
  type StepLayer,
  type StepMatrix,
  type StepModel,
  type StepSession,
} from '@cadenza/core/browser';
import type { Addon, NativeDecoder, NativeSession } from '../addon.js';

/** In the order of the binding's enumerations. */
const FORMATS = ['f32', 'bf16', 'int8'];
const CELLS = ['lstm', 'gru', 'gru, reset before', 'rnn', 'rnn, relu'];

type MatrixArguments = Parameters<Addon['decoderEmbedding']> extends [unknown, ...infer Rest] ? Rest : never;

/**
 * Single steps by native kernels: the weights packed once for products with a few rows, the gates fused behind them, the whole loop of
 * sampling without a return to JavaScript. A model of other cells than core's gives null.
 */
export class NativeStepEngine implements StepEngine {
  constructor(private readonly addon: Addon) {}

  compile(model: StepModel): CompiledStepModel | null {
    const cells = model.layers.map(cellOf);
    if (cells.includes(-1)) return null;
    const { addon } = this;
    const decoder = addon.makeDecoder(model.vocabularySize, model.skipToOutput);
    try {
      if (model.embedding) addon.decoderEmbedding(decoder, ...matrixArguments(model.embedding));
      model.layers.forEach((layer, index) => {
        addon.decoderLayer(
          ...([decoder, cells[index], layer.units, layer.zoneoutH ?? 0, layer.zoneoutC ?? 0] as const),
          ...([layer.residual ?? false, layer.bias] as const),
          ...matrixArguments(layer.kernel),
          ...matrixArguments(layer.recurrentKernel),
        );
      });
      addon.decoderOutput(decoder, ...matrixArguments(model.output.kernel), model.output.bias);
    } catch (error) {
      addon.freeDecoder(decoder);
      throw error;
    }
    return new NativeStepModel(addon, decoder, model.vocabularySize, statePlaces(model.layers));
  }
}

/** Where a state lies: of which layer, h or the LSTM's c, and how many units. */
interface StatePlace {
  layer: number;
  cells: boolean;
  units: number;
}

function statePlaces(layers: readonly StepLayer[]): StatePlace[] {
  return layers.flatMap(({ cell, units }, layer) =>
    (cell === 'lstm' ? [false, true] : [false]).map((cells) => ({ layer, cells, units })),
  );
}

function cellOf({ cell, resetAfter, activation }: StepLayer): number {
  if (cell === 'gru') return CELLS.indexOf((resetAfter ?? true) ? 'gru' : 'gru, reset before');
  if (cell === 'rnn') return CELLS.indexOf(activation === 'relu' ? 'rnn, relu' : 'rnn');
  return CELLS.indexOf(cell);
}

function matrixArguments(matrix: StepMatrix): MatrixArguments {
  const { format, rows, columns, values } = matrix;
  return [FORMATS.indexOf(format), rows, columns, values, format === 'int8' ? matrix.scales : null];
}

class NativeStepModel implements CompiledStepModel {
  constructor(
    private readonly addon: Addon,
    private readonly decoder: NativeDecoder,
    private readonly vocabularySize: number,
    private readonly places: readonly StatePlace[],
  ) {}

  session(batch: number): StepSession {
    if (!Number.isInteger(batch) || batch < 1) throw new InputError(expected('batch', 'a positive integer', batch));
    const session = this.addon.makeSession(this.decoder, batch);
    return new NativeStepSession(this.addon, session, batch, this.vocabularySize, this.places);
  }

  dispose(): void {
    this.addon.freeDecoder(this.decoder);
  }
}

class NativeStepSession implements StepSession {
  private readonly logits: Float32Array;

  constructor(
    private readonly addon: Addon,
    private readonly session: NativeSession,
    readonly batch: number,
    vocabularySize: number,
    private readonly places: readonly StatePlace[],
  ) {
    this.logits = new Float32Array(batch * vocabularySize);
  }

  step(tokens: Int32Array): Float32Array {
    this.addon.sessionStep(this.session, tokens, this.logits);
    return this.logits;
  }

  sample(request: SampleRequest): number {
    checkSampleRequest(this.batch, request);
    const { token, count, uniforms, temperature, topK, topP, milliseconds, bannedTokens, stopTokens } = request;
    return this.addon.sessionSample(
      ...([this.session, token, count, temperature, topK, topP, milliseconds] as const),
      ...([uniforms.subarray(0, count), bannedTokens, stopTokens] as const),
      request.tokens.subarray(0, count),
      request.logProbabilities.subarray(0, count),
    );
  }

  states(): Float32Array[] {
    return this.places.map(({ layer, cells, units }) => {
      const state = new Float32Array(this.batch * units);
      this.addon.sessionState(this.session, layer, cells, state);
      return state;
    });
  }

  setStates(states: readonly Float32Array[]): void {
    checkStates(
      states,
      this.places.map(({ units }) => ({ length: this.batch * units })),
    );
    this.places.forEach(({ layer, cells }, index) => {
      this.addon.setSessionState(this.session, layer, cells, states[index]);
    });
  }

  dispose(): void {
    this.addon.freeSession(this.session);
  }
}
