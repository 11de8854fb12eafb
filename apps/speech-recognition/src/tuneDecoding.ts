import { eventLoopTurn, type FrameScores } from '@cadenza/core';
import { TranscriptDecoder } from './decoder.js';
import { scoreTranscripts, type RecognitionResult } from './evaluate.js';
import { joinTexts } from './formats.js';
import type { LanguageWeights } from './languageModel.js';
import type { PreparedSpeech } from './prepare.js';
import type { Config } from './config.js';

/** What was tried, and what came of it. */
export type TunedWeights = LanguageWeights & RecognitionResult;

const WEIGHTS = [0.25, 0.5, 0.75, 1, 1.5, 2];
const BONUSES = [-2, -1, 0, 1, 2, 3];

/**
 * The weights of the language model and the word bonus with which the validation part has the fewest errors in words, then in
 * characters; of equals the smallest weights. What the configuration fixes is left as it is.
 *
 * @param scores of the parts of each recording
 */
export async function tuneDecoding(
  scores: readonly (readonly FrameScores[])[],
  references: readonly string[],
  { symbols, language, pipeline }: Pick<PreparedSpeech, 'symbols' | 'language' | 'pipeline'>,
  config: Config['decoding'],
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
): Promise<TunedWeights> {
  const searched = config.method === 'beam'; // there is nothing to tune of the likeliest symbols
  const weights = !searched
    ? [0]
    : config.weight !== null
      ? [config.weight]
      : language.model === undefined
        ? [0]
        : WEIGHTS;
  const bonuses = !searched ? [0] : config.wordBonus !== null ? [config.wordBonus] : BONUSES;
  const grid = weights.flatMap((weight) => bonuses.map((wordBonus) => ({ weight, wordBonus })));
  let best: TunedWeights | undefined;
  for (const [index, tried] of grid.entries()) {
    signal?.throwIfAborted();
    const decoder = new TranscriptDecoder(symbols, config, language, pipeline.stackSeconds, { weights: tried });
    const hypotheses = scores.map((parts) => joinTexts(parts.map((frames) => decoder.decode(frames)[0])));
    const found = { ...tried, ...scoreTranscripts(references, hypotheses) };
    if (best === undefined || isBetter(found, best)) best = found;
    onProgress?.(index + 1, grid.length);
    await eventLoopTurn(); // lets signals through
  }
  return best!;
}

function isBetter(a: TunedWeights, b: TunedWeights): boolean {
  if (a.wer !== b.wer) return a.wer < b.wer;
  if (a.cer !== b.cer) return a.cer < b.cer;
  return a.weight + Math.abs(a.wordBonus) < b.weight + Math.abs(b.wordBonus);
}
