import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { renderTrainingReport } from '@cadenza/cli';
import { defaultFileSystem, readMetrics, replaceFile } from '@cadenza/core';
import { scoreHeader, scoreRow, type RecognitionScores } from './evaluate.js';
import type { RunDescription } from './run.js';

/** Writes `report.html` into a run folder from what its metrics say so far, and returns its path. */
export function writeReport(
  directory: string,
  description: RunDescription,
  evaluation?: Readonly<Record<string, RecognitionScores>>,
): string {
  const path = join(directory, 'report.html');
  const log = join(directory, 'metrics.jsonl');
  const { config, data } = description;
  const { model } = config;
  const minutes = (data.seconds / 60).toFixed(1);
  const page = renderTrainingReport({
    title: config.task === 'classify' ? 'Recognition of spoken labels' : 'Speech recognition',
    subtitle:
      `${data.source}, ${data.trained.toLocaleString('en')} recordings, ${minutes} minutes; ` +
      `${model.layers} × ${model.hiddenSize} ${model.cell.toUpperCase()}${model.bidirectional ? ' in both directions' : ''}`,
    metrics: existsSync(log) ? readMetrics(log) : [],
    lossUnit: 'nats per recording',
    tokenName: 'frames',
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
