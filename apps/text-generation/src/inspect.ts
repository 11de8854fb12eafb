import { InputError, type RecurrentLanguageModel } from '@cadenza/core';
import type { Tokenizer } from '@cadenza/text';
import { textFeatures } from './inspectFeatures.js';
import { gradientFlow, type GradientFlow, type GradientOptions } from './inspectGradient.js';
import { traceStates, traceText, type LayerTrace } from './inspectTrace.js';
import { rankUnits, type FoundUnit, type RankingOptions } from './inspectUnits.js';
import { encodeInTurns } from './reading.js';
import type { ReadingPolicy } from './textGenerator.js';
import { pauses } from './turns.js';

export interface InspectOptions extends ReadingPolicy {
  model: RecurrentLanguageModel;
  tokenizer: Tokenizer;
  /** The text to colour. */
  text: string;
  /** A longer text to find interpretable units in and to measure gradients on; `text` itself unless given. */
  corpus?: string;
  /** The most tokens of `text` to colour; 1,000 unless told. */
  maximumTokens?: number;
  /** The most tokens of `corpus` to read; 12,000 unless told. */
  corpusTokens?: number;
  ranking?: RankingOptions;
  gradient?: GradientOptions;
  signal?: AbortSignal;
}

/** Everything the page of a model shows. */
export interface Inspection {
  /** The tokens of the text as they read. */
  tokens: string[];
  /** -log p of each token, in nats. */
  surprises: Float32Array;
  /** For each token the likeliest ones in its place. */
  expected: { token: string; probability: number }[][];
  layers: LayerTrace[];
  /** What units are judged by: `c` of an LSTM, `h` otherwise. */
  memory: 'c' | 'h';
  units: FoundUnit[];
  /** Tokens of the text in which the units were found. */
  corpusTokens: number;
  gradient: GradientFlow;
  model: { cell: string; layers: number; hiddenSize: number; parameters: number };
}

const SHORTEST = 2;

/**
 * Reads a text with a model and keeps what each unit does at each character, how surprised the model was, which units
 * follow something a reader can name, and how far back gradients reach. The event loop gets its turns in between; an `AbortError`
 * is thrown once `signal` is aborted.
 */
export async function inspectModel(options: InspectOptions): Promise<Inspection> {
  const { model, tokenizer, text, maximumTokens = 1000, corpusTokens = 12_000 } = options;
  const pause = pauses(options.signal);
  const encode = (source: string, name: string): Promise<Int32Array> =>
    encodeInTurns(tokenizer, source, { unknown: options.unknown, nameOfPolicy: options.nameOfPolicy, name }, pause);
  // A line end before the text, where the model knows it, so that the first character is a prediction too.
  const lineEnd = tokenizer.vocabulary.id('\n');
  const own = await encode(text, 'the text');
  const before = lineEnd >= 0 ? [lineEnd] : [];
  const shown = own.subarray(0, maximumTokens + 1 - before.length);
  const ids = new Int32Array(before.length + shown.length);
  ids.set(before);
  ids.set(shown, before.length);
  if (ids.length < SHORTEST)
    throw new InputError(`Expected a text of at least one character to look at, got ${own.length}`);
  const trace = await traceText(model, ids, pause);
  const whole = options.corpus === undefined ? own : await encode(options.corpus, 'the corpus');
  const corpus = whole.subarray(0, corpusTokens);
  const memory = model.config.cell === 'lstm' ? 'c' : 'h';
  const words = Array.from(corpus, (id) => tokenizer.decode([id]));
  const states = await traceStates(model, corpus, memory, pause);
  const { cell, layers, hiddenSize } = model.config;
  return {
    tokens: Array.from(ids.subarray(1), (id) => tokenizer.decode([id])),
    surprises: trace.surprises,
    expected: trace.expected.map((row) =>
      row.map(({ id, probability }) => ({ token: tokenizer.decode([id]), probability })),
    ),
    layers: trace.layers,
    memory,
    units: await rankUnits(states, textFeatures(words), options.ranking, pause),
    corpusTokens: corpus.length,
    gradient: await gradientFlow(model, corpus, options.gradient, pause),
    model: { cell, layers, hiddenSize, parameters: model.parameterCount },
  };
}
