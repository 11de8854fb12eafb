import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scoreTranscripts } from '../src/evaluate.js';
import { cleanText } from '../src/symbols.js';

type Counts = [hits: number, substitutions: number, deletions: number, insertions: number];

interface Measured {
  wer: number;
  words: Counts;
  cer: number;
}

/** Made by tools/golden/transcript_scores.py. */
const golden = JSON.parse(readFileSync(new URL('golden/transcriptScores.json', import.meta.url), 'utf8')) as {
  pairs: [reference: string, hypothesis: string][];
  each: Measured[];
  all: Measured;
};

function measure(pairs: typeof golden.pairs): Measured {
  const [references, hypotheses] = [0, 1].map((side) => pairs.map((pair) => cleanText(pair[side], 'lower')));
  const { wer, cer, words, substitutions, deletions, insertions } = scoreTranscripts(references, hypotheses);
  return { wer, words: [words - substitutions - deletions, substitutions, deletions, insertions], cer };
}

describe('scoreTranscripts', () => {
  it('counts as jiwer does, whatever white space, case and composition the texts have', () => {
    const numbers = ({ wer, words, cer }: Measured) => ({
      words,
      wer: expect.closeTo(wer, 12) as number,
      cer: expect.closeTo(cer, 12) as number,
    });
    golden.pairs.forEach((pair, index) => {
      expect(measure([pair]), JSON.stringify(pair)).toEqual(numbers(golden.each[index]));
    });
    expect(measure(golden.pairs)).toEqual(numbers(golden.all));
  });

  it('counts a recording as right where no word is wrong', () => {
    expect(scoreTranscripts([' a  b', 'a'], ['a b', 'b'])).toMatchObject({ wer: 1 / 3, accuracy: 1 / 2 });
  });
});
