import {
  bleu,
  chrf,
  CrossEntropy,
  ter,
  type BleuTokenizer,
  type SequenceToSequence,
  eventLoopTurn,
} from '@cadenza/core';
import type { SentencePair } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { encodePairs, pairTensors } from './batches.js';
import type { SentenceCodec } from './codec.js';
import { pairBatches } from './lengthBatches.js';

/** How translations are measured, in sacreBLEU's words. */
export interface ScoreOptions {
  tokenize?: BleuTokenizer;
  lowercase?: boolean;
}

/** Scores of translations, in the words of the command's JSON; all of [0, 100] but TER, which has no upper end. */
export interface TranslationScores {
  bleu: number;
  bleu_signature: string;
  chrf: number;
  chrf_signature: string;
  ter: number;
  ter_signature: string;
  sentences: number;
}

/** BLEU, chrF and TER of translations against a reference each. */
export function scoreTranslations(
  hypotheses: readonly string[],
  references: readonly string[],
  { tokenize = '13a', lowercase = false }: ScoreOptions = {},
): TranslationScores {
  const words = bleu(hypotheses, references, { tokenize, lowercase });
  const characters = chrf(hypotheses, references, { lowercase });
  const edits = ter(hypotheses, references, { normalized: tokenize !== 'none', caseSensitive: !lowercase });
  return {
    bleu: words.score,
    bleu_signature: words.signature,
    chrf: characters.score,
    chrf_signature: characters.signature,
    ter: edits.score,
    ter_signature: edits.signature,
    sentences: hypotheses.length,
  };
}

export const scoreHeader = ['part', 'BLEU', 'chrF', 'TER', 'sentences'];

/** A row of the table for people. */
export function scoreRow(part: string, { bleu, chrf, ter, sentences }: TranslationScores): string[] {
  return [part, bleu.toFixed(2), chrf.toFixed(2), ter.toFixed(2), String(sentences)];
}

/** The mean loss of the target tokens, end tokens included, in nats, by teacher forcing. */
export async function pairLoss(
  model: SequenceToSequence,
  pairs: readonly SentencePair[],
  codec: SentenceCodec,
): Promise<number> {
  const encoded = encodePairs(pairs, codec);
  const measure = new CrossEntropy();
  for (const batch of pairBatches(encoded)) {
    const [losses, labels] = tf.tidy(() => {
      const tensors = pairTensors(batch.map((index) => encoded[index]));
      return [model.loss(tensors).losses, tf.reshape(tensors.targets, [tensors.targets.size])];
    });
    measure.update({ losses: losses.dataSync(), labels: labels.dataSync() as Int32Array });
    tf.dispose([losses, labels]);
    await eventLoopTurn(); // lets signals through
  }
  return measure.value().natsPerToken;
}
