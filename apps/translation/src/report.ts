import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { renderTrainingReport } from '@cadenza/cli';
import { defaultFileSystem, readMetrics, replaceFile } from '@cadenza/core';
import { nameOf } from './dataRequest.js';
import { scoreHeader, scoreRow, type TranslationScores } from './evaluate.js';
import type { RunDescription } from './run.js';

/** Writes `report.html` into a run folder from what its metrics say so far, and returns its path. */
export function writeReport(
  directory: string,
  description: RunDescription,
  evaluation?: Readonly<Record<string, TranslationScores>>,
): string {
  const path = join(directory, 'report.html');
  const log = join(directory, 'metrics.jsonl');
  const { config, data, languages } = description;
  const { encoder, decoder } = config.model;
  const page = renderTrainingReport({
    title: `Translation from ${languages.source} to ${languages.target}`,
    subtitle:
      `${nameOf(data.source)}, ${data.trained.toLocaleString('en')} pairs; encoder ${encoder.layers} × ${encoder.units}, ` +
      `decoder ${decoder.layers} × ${decoder.units}, attention ${decoder.score}`,
    metrics: existsSync(log) ? readMetrics(log) : [],
    lossUnit: 'nats per token',
    tokenName: 'target tokens',
    evaluation: evaluation && {
      note: 'The weights of the best validation.',
      columns: scoreHeader.map((title, index) => ({ title, number: index > 0 })),
      rows: Object.entries(evaluation).map(([part, scores]) => scoreRow(part, scores)),
    },
    configuration: { ...description },
    footer: `Cadenza ${description.versions.cadenza}, TensorFlow.js ${description.versions.tfjs}, Node ${description.versions.node}`,
  });
  replaceFile(defaultFileSystem, path, page);
  return path;
}
