import { EOS_ID, type SentencePair } from '@cadenza/text';
import { batchesOf } from './lengthBatches.js';
import { searchBatch } from './search.js';
import type { Translator } from './translator.js';

/** One sentence, its translation, and what the decoder attended to at each step. */
export interface AttentionMap {
  source: string;
  translation: string;
  /** [S], with the end token. */
  sourceTokens: string[];
  /** [T], with the end token. */
  targetTokens: string[];
  /** [T, S]; empty for a model without attention. */
  weights: Float32Array;
  /** [T], of each token given those before it. */
  probabilities: Float32Array;
}

/** A sentence of a test set and how certain the model was of its translation. */
export interface Certainty {
  source: string;
  translation: string;
  reference: string;
  /** -log p of a token of the translation, in nats, on average. */
  nats: number;
}

/** Everything the page of a model shows. */
export interface Inspection {
  maps: AttentionMap[];
  /** The most certain first. */
  certain: Certainty[];
  /** The least certain first. */
  uncertain: Certainty[];
  sentences: number;
  languages: { source: string; target: string };
}

export interface InspectOptions {
  /** Sentences to draw attention of. */
  lines: readonly string[];
  /** Sentences with references, to look for the most and least certain ones in. */
  pairs: readonly SentencePair[];
  /** How many of either: 10 when absent. */
  most?: number;
  beam?: number;
  signal?: AbortSignal;
  onProgress?: (done: number) => void;
}

/** Longer sentences would make a picture that nobody can read. */
const LONGEST_MAP = 80;

/** Translates sentences and keeps what the model attended to, and which of a test set it was most and least sure of. */
export async function inspectTranslations(translator: Translator, options: InspectOptions): Promise<Inspection> {
  const { lines, pairs, most = 10 } = options;
  const maps: AttentionMap[] = [];
  for (const line of lines) maps.push(await attentionMap(translator, line, options));
  const ranked = await certainties(translator, pairs, options);
  return {
    maps,
    certain: ranked.slice(0, most),
    uncertain: ranked.slice(-most).reverse(),
    sentences: ranked.length,
    languages: translator.languages,
  };
}

async function attentionMap(translator: Translator, line: string, options: InspectOptions): Promise<AttentionMap> {
  const { codec, models } = translator;
  const whole = codec.encode(line, 'source').ids;
  const ids = whole.length <= LONGEST_MAP ? whole : Int32Array.of(...whole.subarray(0, LONGEST_MAP - 1), EOS_ID);
  const attends = models.every(({ config }) => config.decoder.score !== 'none');
  const search = { beam: options.beam, alignment: attends, signal: options.signal };
  const [[found]] = await searchBatch(models, [ids], search);
  const ends = found.tokenLogProbabilities.length > found.tokens.length;
  return {
    source: line,
    translation: codec.line(codec.decodeIds(found.tokens).words),
    sourceTokens: Array.from(ids, (id) => codec.source.token(id)),
    targetTokens: [...found.tokens, ...(ends ? [EOS_ID] : [])].map((id) => codec.target.token(id)),
    weights: found.attention ?? new Float32Array(0),
    probabilities: Float32Array.from(found.tokenLogProbabilities, Math.exp),
  };
}

/** The pairs by how certain the model is of its own translation, the most certain first. */
async function certainties(
  { codec, models }: Translator,
  pairs: readonly SentencePair[],
  { beam, signal, onProgress }: InspectOptions,
): Promise<Certainty[]> {
  const encoded = pairs
    .map((pair) => ({ ...pair, ...codec.encode(pair.source, 'source') }))
    .filter(({ words }) => words.length > 0)
    .sort((a, b) => b.ids.length - a.ids.length);
  const certain: Certainty[] = [];
  for (const batch of batchesOf(encoded, ({ ids }) => ids.length)) {
    const sources = batch.map(({ ids }) => ids);
    const found = await searchBatch(models, sources, { beam, signal });
    batch.forEach(({ source, target }, row) => {
      const [{ tokens, logProbability, tokenLogProbabilities }] = found[row];
      const translation = codec.line(codec.decodeIds(tokens).words);
      const nats = -logProbability / Math.max(1, tokenLogProbabilities.length);
      certain.push({ source, translation, reference: target, nats });
    });
    onProgress?.(certain.length);
  }
  return certain.sort((a, b) => a.nats - b.nats);
}
