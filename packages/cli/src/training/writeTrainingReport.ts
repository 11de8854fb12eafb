import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defaultFileSystem, readMetrics, replaceFile } from '@cadenza/core';
import { renderTrainingReport, type TrainingReport } from '../html/index.js';
import type { RunDescriptionBase } from '../runDescription.js';

/** What only the app knows of a report. */
export interface RunReport extends Required<Pick<TrainingReport, 'title' | 'subtitle' | 'lossUnit' | 'tokenName'>> {
  /** The measure on unseen data: a row for each part, after the names of its columns, of which all but the first are numbers. */
  evaluation?: { note: string; header: readonly string[]; rows: readonly (readonly string[])[] };
}

/** Writes `report.html` into a run folder from what its metrics say so far, and returns its path. */
export function writeTrainingReport(
  directory: string,
  description: RunDescriptionBase,
  { evaluation, ...report }: RunReport,
): string {
  const path = join(directory, 'report.html');
  const log = join(directory, 'metrics.jsonl');
  const { cadenza, tfjs, node } = description.versions;
  const page = renderTrainingReport({
    ...report,
    metrics: existsSync(log) ? readMetrics(log) : [],
    evaluation: evaluation && {
      note: evaluation.note,
      columns: evaluation.header.map((title, index) => ({ title, number: index > 0 })),
      rows: evaluation.rows,
    },
    configuration: { ...description },
    footer: `Cadenza ${cadenza}, TensorFlow.js ${tfjs}, Node ${node}`,
  });
  replaceFile(defaultFileSystem, path, page);
  return path;
}
