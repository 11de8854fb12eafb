import fc from 'fast-check';
import { Random } from '../../src/random.js';

export interface Corpus {
  hypotheses: string[];
  references: (string | string[])[];
}

const word = fc.constantFrom(
  'der',
  'Hund',
  'hund',
  'läuft',
  '3,5',
  '10.',
  '-',
  '„',
  '€',
  '漢字',
  '🙂',
  'US-$',
  "Tom's",
  '&lt;',
);

/** A sentence of few different words, so that many match, with uneven spaces. */
export const sentence = (): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(word, fc.constantFrom(' ', '  ', '\u00a0', '')), { maxLength: 9 })
    .map((pairs) => pairs.flat().join(''));

/** Some sentences, with one to three references each. */
export const corpora = (): fc.Arbitrary<Corpus> =>
  fc
    .array(fc.tuple(sentence(), fc.oneof(sentence(), fc.array(sentence(), { minLength: 1, maxLength: 3 }))), {
      minLength: 1,
      maxLength: 6,
    })
    .map((rows) => ({ hypotheses: rows.map(([own]) => own), references: rows.map(([, wanted]) => wanted) }));

/** The same sentences in another order. */
export function permuted({ hypotheses, references }: Corpus, seed: number): Corpus {
  const order = new Random(seed).shuffle(hypotheses.map((_, index) => index));
  return { hypotheses: order.map((index) => hypotheses[index]), references: order.map((index) => references[index]) };
}
