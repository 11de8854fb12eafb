/**
 * How weights are kept for single-step decoding: float32; bfloat16, a float32's upper half; int8, whole numbers of
 * -127 ... 127 with one float32 scale for each output unit.
 */
export type WeightFormat = 'f32' | 'bf16' | 'int8';

/**
 * A matrix [rows, columns], row-major: rows are inputs, columns are outputs (gate units, or the vocabulary). bf16: the upper
 * halves of the float32 values. int8: element (r, c) is `values[r * columns + c] * scales[c]`.
 */
export type StepMatrix =
  | { format: 'f32'; rows: number; columns: number; values: Float32Array }
  | { format: 'bf16'; rows: number; columns: number; values: Uint16Array }
  | { format: 'int8'; rows: number; columns: number; values: Int8Array; scales: Float32Array };

/** One recurrent layer of a {@link StepModel}: its equations are those of core's LSTM, GRU and SimpleRNN. */
export interface StepLayer {
  cell: 'lstm' | 'gru' | 'rnn';
  /** H */
  units: number;
  /** [D, G], G = 4H, 3H or H. In layer 0 of a model without an embedding [V, G]: row t is the input product of token t. */
  kernel: StepMatrix;
  /** [H, G], gates in Keras's order: i f g o, or z r n. */
  recurrentKernel: StepMatrix;
  /** As core's operations take it: [4H]; [2, 3H] (of the input, of the recurrence) or, without `resetAfter`, [3H]; [H]. */
  bias: Float32Array;
  /** GRU: apply the reset gate after the recurrent product; true when absent. */
  resetAfter?: boolean;
  /** SimpleRNN: tanh when absent. */
  activation?: 'tanh' | 'relu';
  /**
   * Zoneout's rates of h and of the LSTM's c, 0 when absent. Evaluation takes the expectation: rate * h_{t-1} + (1 - rate) * h_t
   * (Krueger et al. 2016); what is mixed is both the layer's output and its next state.
   */
  zoneoutH?: number;
  zoneoutC?: number;
  /** Add the layer's input to its output (not to its state). */
  residual?: boolean;
}

/** The weights of a language model, all that single steps need: token, embedding, layers, output, logits. */
export interface StepModel {
  /** V */
  vocabularySize: number;
  /** [V, E]: row t is the vector of token t. null: tokens pick rows of layer 0's kernel. As int8, its scales are per column too. */
  embedding: StepMatrix | null;
  layers: StepLayer[];
  /** The output reads the outputs of all layers, the lowest first, side by side; without it the highest layer's only. */
  skipToOutput: boolean;
  /** [P, V], P = the size of what the output reads. */
  output: { kernel: StepMatrix; bias: Float32Array | null };
}

/** What {@link StepSession.sample} is to draw, and where it writes the draws. */
export interface SampleRequest {
  /** Read before the first draw. */
  token: number;
  /** At most so many tokens are drawn. */
  count: number;
  /** At least `count` numbers of [0, 1), one for each draw, used in order. At temperature 0 none is used. */
  uniforms: Float64Array;
  /** 0 takes the most likely token, the lowest id of several. */
  temperature: number;
  /** Draw among the k most likely tokens only; 0 is off. */
  topK: number;
  /** Draw among the smallest set of likely tokens whose probabilities add up to p; 1 is off. */
  topP: number;
  /** Never drawn. */
  bannedTokens: Int32Array;
  /** Drawing one of these ends the call; it is among the draws. */
  stopTokens: Int32Array;
  /** Return early once so much time is spent, after at least one token; Infinity is no limit. */
  milliseconds: number;
  /** Receives the drawn tokens, at least `count` long. */
  tokens: Int32Array;
  /** Receives log p of each under the logits as the model gave them, in nats; at least `count` long. */
  logProbabilities: Float64Array;
}

/** The states of B texts, which a model's compiled weights move on a token at a time. */
export interface StepSession {
  /** B */
  readonly batch: number;
  /** Reads one token of each text, ids [B], and gives the logits [B, V] of the next one. The array is valid until the next call. */
  step(tokens: Int32Array): Float32Array;
  /**
   * Draws tokens one after the other, each read before the next is drawn; one text only. Returns how many were drawn, at least
   * one; afterwards the state has read `token` and all drawn tokens but the last. The choice is `chooseToken`'s, given equal
   * logits and the same uniform numbers.
   */
  sample(request: SampleRequest): number;
  /** Copies of the states, in the order of the language model's: [h, c] of each LSTM, [h] of other cells; each [B, H]. */
  states(): Float32Array[];
  /** Replaces the states by copies of these. */
  setStates(states: readonly Float32Array[]): void;
  /** Frees what the session holds; it must not be used afterwards. */
  dispose(): void;
}

/** Weights brought into the form that steps need, once for all sessions. */
export interface CompiledStepModel {
  /** A session of so many texts, its states zero. */
  session(batch: number): StepSession;
  /** Frees the weights; sessions must be disposed of before. */
  dispose(): void;
}

/** What runs single steps on a backend. */
export interface StepEngine {
  /** Packs the weights. null where the engine cannot run such a model: the caller then takes another way. */
  compile(model: StepModel): CompiledStepModel | null;
}

const engines = new Map<string, StepEngine>();

/** Makes an engine known as the one of a TensorFlow.js backend, in place of the one before. */
export function registerStepEngine(backendName: string, engine: StepEngine): void {
  engines.set(backendName, engine);
}

/** The engine of a backend, undefined where it has none. */
export function findStepEngine(backendName: string): StepEngine | undefined {
  return engines.get(backendName);
}
