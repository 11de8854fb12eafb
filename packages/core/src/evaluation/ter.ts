import { ConfigError, expected } from '../errors.js';
import { refuseUnknown } from '../options.js';
import { measureCorpus, signature, type SentenceMeasure } from './sentenceMeasure.js';
import type { References } from './sentences.js';
import { translationEdits } from './terShifts.js';
import { terTokens, type TerTokenizerOptions } from './terTokenizer.js';

export type TerOptions = TerTokenizerOptions;

export interface TerScore {
  /** In percent of the references' words, lower is better; above 100 where the hypotheses are much too long. */
  score: number;
  /** Insertions, deletions, replacements and shifts; of several references those to the nearest. */
  edits: number;
  /** In words; of several references their mean. */
  referenceLength: number;
  /** As sacreBLEU's. */
  signature: string;
}

/**
 * The translation edit rate of a corpus (Snover et al. 2006), equal to sacreBLEU's: 100 times the edits that turn the
 * hypotheses into the references, a shift of a run of words counting as one, over the references' words. Without any
 * reference word it is 100, or 0 where there is no edit either. Throws a ConfigError for an option that is wrong and an
 * InputError where the sides do not go together or are empty.
 */
export function ter(hypotheses: readonly string[], references: References, options: TerOptions = {}): TerScore {
  return measureCorpus(terMeasure(options), hypotheses, references);
}

/** {@link ter} of one sentence. */
export function sentenceTer(
  hypothesis: string,
  references: string | readonly string[],
  options: TerOptions = {},
): TerScore {
  return ter([hypothesis], [references], options);
}

/** TER as sums over sentences: [edits, the references' mean length]. */
export function terMeasure(options: TerOptions = {}): SentenceMeasure<TerScore> {
  const settings = checkOptions(options);
  return {
    name: 'TER',
    size: 2,
    statistics: (hypothesis, references) => {
      const words = terTokens(hypothesis, settings);
      const targets = references.map((reference) => referenceTokens(reference, settings));
      const length = targets.reduce((sum, target) => sum + target.length, 0) / targets.length;
      return [Math.min(...targets.map((target) => translationEdits(words, target))), length];
    },
    value: (sums, referenceCount) => ({
      score: 100 * (sums[1] > 0 ? sums[0] / sums[1] : Math.sign(sums[0])),
      edits: sums[0],
      referenceLength: sums[1],
      signature: signature(referenceCount, {
        case: settings.caseSensitive ? 'mixed' : 'lc',
        tok: 'tercom',
        norm: settings.normalized,
        punct: !settings.noPunctuation,
        asian: settings.asianSupport,
      }),
    }),
  };
}

/** sacreBLEU normalises references twice, which cuts the 's off `man's.` that the first time leaves; so must its equal. */
function referenceTokens(reference: string, settings: Required<TerOptions>): string[] {
  return terTokens(terTokens(reference, settings).join(' '), settings);
}

function checkOptions(options: TerOptions): Required<TerOptions> {
  refuseUnknown('ter', options, ['normalized', 'noPunctuation', 'asianSupport', 'caseSensitive']);
  const { normalized = false, noPunctuation = false, asianSupport = false, caseSensitive = false } = options;
  if (asianSupport && !normalized && !noPunctuation) {
    throw new ConfigError(expected('asianSupport', 'false without normalized or noPunctuation', asianSupport));
  }
  return { normalized, noPunctuation, asianSupport, caseSensitive };
}
