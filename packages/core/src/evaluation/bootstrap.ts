import { InputError } from '../errors.js';
import { Random } from '../random.js';
import { integerFrom, knownName, refuseUnknown } from '../options.js';
import { bleuMeasure, type BleuOptions } from './bleu.js';
import { chrfMeasure, type ChrfOptions } from './chrf.js';
import { joinCounts, type ReferenceCount, type SentenceMeasure } from './sentenceMeasure.js';
import { pairSentences, type References } from './sentences.js';
import { terMeasure, type TerOptions } from './ter.js';

/** What is measured, with the options of that measure. */
export type BootstrapMetric =
  | { metric: 'bleu'; metricOptions?: BleuOptions }
  | { metric: 'chrf'; metricOptions?: ChrfOptions }
  | { metric: 'ter'; metricOptions?: TerOptions };

export type BootstrapOptions = BootstrapMetric & {
  /** How many resamples; default 1000. */
  samples?: number;
  /** Default 12345, as sacreBLEU's; its generator is another one, so the resamples are others. */
  seed?: number;
};

export interface BootstrapInterval {
  /** Of the sentences as they are. */
  score: number;
  /** Of the resamples' scores. */
  mean: number;
  /** Half the width of the interval in which 95 % of the resamples' scores lie. */
  halfWidth: number;
  /** The ends of that interval. */
  lower: number;
  upper: number;
  signature: string;
}

export interface PairedBootstrap {
  a: BootstrapInterval;
  b: BootstrapInterval;
  /** The score of b less that of a. */
  difference: number;
  /** How likely a difference at least as large, of either sign, is where both systems are equally good. */
  pValue: number;
  samples: number;
}

/**
 * The score of one system and how sure it is (Koehn 2004): its sentences are drawn again with replacement, as many as there
 * are, and scored, many times over. The same seed gives the same numbers.
 */
export function bootstrapInterval(
  hypotheses: readonly string[],
  references: References,
  options: BootstrapOptions,
): BootstrapInterval {
  const { measure, samples, random } = checkOptions(options);
  const system = sentenceStatistics(measure, hypotheses, references);
  const [scores] = resample(measure, [system], samples, random);
  return { ...actual(measure, system), ...spread(scores) };
}

/**
 * Whether two systems differ by more than chance, by paired bootstrap resampling (Koehn 2004): both are scored on the same
 * resamples of the sentences, whose statistics are computed once. The p-value is sacreBLEU's, (c + 1) / (samples + 1), where
 * c counts the resamples whose difference |d| exceeds its mean over the resamples by more than the actual |difference|; and 1 for
 * systems that no resample tells apart, where that formula would call chance impossible.
 * Throws a ConfigError for an option that is wrong and an InputError where the sides do not go together or are empty.
 */
export function pairedBootstrap(
  systemA: readonly string[],
  systemB: readonly string[],
  references: References,
  options: BootstrapOptions,
): PairedBootstrap {
  const { measure, samples, random } = checkOptions(options);
  const systems = [systemA, systemB].map((hypotheses) => sentenceStatistics(measure, hypotheses, references));
  const [scoresA, scoresB] = resample(measure, systems, samples, random);
  const [actualA, actualB] = systems.map((system) => actual(measure, system));
  const difference = actualB.score - actualA.score;
  const isSame = scoresA.every((score, sample) => score === scoresB[sample]);
  return {
    a: { ...actualA, ...spread(scoresA) },
    b: { ...actualB, ...spread(scoresB) },
    difference,
    pValue: isSame ? 1 : pairedPValue(scoresA, scoresB, difference),
    samples,
  };
}

/** The mean and 95 % interval of resamples' scores: a fortieth of them is cut off at either end. */
export function spread(scores: Float64Array): Pick<BootstrapInterval, 'mean' | 'halfWidth' | 'lower' | 'upper'> {
  const sorted = scores.slice().sort();
  const cut = Math.floor(sorted.length / 40);
  const [lower, upper] = [sorted[cut], sorted[sorted.length - 1 - cut]];
  return { mean: mean(sorted), halfWidth: (upper - lower) / 2, lower, upper };
}

/** The p-value of {@link pairedBootstrap} from the scores of both systems on the same resamples. */
export function pairedPValue(scoresA: Float64Array, scoresB: Float64Array, difference: number): number {
  const differences = scoresA.map((score, index) => Math.abs(scoresB[index] - score));
  const expected = mean(differences);
  const larger = differences.filter((sample) => sample - expected > Math.abs(difference)).length;
  return (larger + 1) / (differences.length + 1);
}

type Measure = SentenceMeasure<{ score: number; signature: string }>;

/** The statistics of a system's sentences, [sentences, size], row after row. */
interface SystemStatistics {
  rows: Float64Array;
  referenceCount: ReferenceCount;
}

function sentenceStatistics(measure: Measure, hypotheses: readonly string[], references: References): SystemStatistics {
  const sentences = pairSentences({ hypotheses, references });
  if (sentences.length === 0) throw new InputError('Expected at least one sentence to measure, got none');
  const rows = new Float64Array(sentences.length * measure.size);
  let referenceCount: ReferenceCount | undefined;
  sentences.forEach((sentence, index) => {
    referenceCount = joinCounts(referenceCount, sentence.references.length);
    rows.set(measure.statistics(sentence.hypothesis, sentence.references), index * measure.size);
  });
  return { rows, referenceCount: referenceCount! };
}

function actual(measure: Measure, { rows, referenceCount }: SystemStatistics): { score: number; signature: string } {
  const sums = new Float64Array(measure.size);
  for (let row = 0; row < rows.length; row += measure.size) addRow(sums, rows, row);
  const { score, signature } = measure.value(sums, referenceCount);
  return { score, signature };
}

/** The scores of each system on the same resamples; [systems][samples]. */
function resample(measure: Measure, systems: SystemStatistics[], samples: number, random: Random): Float64Array[] {
  const { size } = measure;
  const sentences = systems[0].rows.length / size;
  const scores = systems.map(() => new Float64Array(samples));
  const sums = systems.map(() => new Float64Array(size));
  for (let sample = 0; sample < samples; sample++) {
    for (const sum of sums) sum.fill(0);
    for (let draw = 0; draw < sentences; draw++) {
      const row = random.integer(sentences) * size;
      systems.forEach(({ rows }, index) => addRow(sums[index], rows, row));
    }
    systems.forEach(({ referenceCount }, index) => {
      scores[index][sample] = measure.value(sums[index], referenceCount).score;
    });
  }
  return scores;
}

function addRow(sums: Float64Array, rows: Float64Array, start: number): void {
  for (let index = 0; index < sums.length; index++) sums[index] += rows[start + index];
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function checkOptions(options: BootstrapOptions): { measure: Measure; samples: number; random: Random } {
  refuseUnknown('bootstrap', options, ['metric', 'metricOptions', 'samples', 'seed']);
  knownName(options.metric, ['bleu', 'chrf', 'ter'], 'metric');
  return {
    measure: measureOf(options),
    samples: integerFrom(1, options.samples ?? 1000, 'samples'),
    random: new Random(options.seed ?? 12345),
  };
}

function measureOf(options: BootstrapMetric): Measure {
  if (options.metric === 'bleu') return bleuMeasure(options.metricOptions);
  return options.metric === 'chrf' ? chrfMeasure(options.metricOptions) : terMeasure(options.metricOptions);
}
