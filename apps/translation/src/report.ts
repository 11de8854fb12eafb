import { writeTrainingReport } from '@cadenza/cli';
import { describeAttention } from './config.js';
import { nameOf } from './dataRequest.js';
import { scoreHeader, scoreRow, type TranslationScores } from './evaluate.js';
import type { RunDescription } from './run.js';

/** Writes `report.html` into a run folder from what its metrics say so far, and returns its path. */
export function writeReport(
  directory: string,
  description: RunDescription,
  evaluation?: Readonly<Record<string, TranslationScores>>,
): string {
  const { config, data, languages } = description;
  const { encoder, decoder } = config.model;
  return writeTrainingReport(directory, description, {
    title: `Translation from ${languages.source} to ${languages.target}`,
    subtitle:
      `${nameOf(data.source)}, ${data.trained.toLocaleString('en')} pairs; encoder ${encoder.layers} × ${encoder.units}, ` +
      `decoder ${decoder.layers} × ${decoder.units}, attention ${describeAttention(config)}`,
    lossUnit: 'nats per token',
    tokenName: 'target tokens',
    evaluation: evaluation && {
      note: 'The weights of the best validation.',
      header: scoreHeader,
      rows: Object.entries(evaluation).map(([part, scores]) => scoreRow(part, scores)),
    },
  });
}
