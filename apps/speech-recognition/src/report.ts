import { writeTrainingReport } from '@cadenza/cli';
import { scoreHeader, scoreRow, type RecognitionScores } from './evaluate.js';
import type { RunDescription } from './run.js';

/** Writes `report.html` into a run folder from what its metrics say so far, and returns its path. */
export function writeReport(
  directory: string,
  description: RunDescription,
  evaluation?: Readonly<Record<string, RecognitionScores>>,
): string {
  const { config, data } = description;
  const { cell, layers, hiddenSize, bidirectional } = config.model;
  return writeTrainingReport(directory, description, {
    title: config.task === 'classify' ? 'Recognition of spoken labels' : 'Speech recognition',
    subtitle:
      `${data.source}, ${data.trained.toLocaleString('en')} ${data.trained === 1 ? 'recording' : 'recordings'}, ${(data.seconds / 60).toFixed(1)} minutes; ` +
      `${layers} × ${hiddenSize} ${cell.toUpperCase()}${bidirectional ? ' in both directions' : ''}`,
    lossUnit: 'nats per recording',
    tokenName: 'frames',
    evaluation: evaluation && {
      note: 'The weights of the best validation.',
      header: scoreHeader,
      rows: Object.entries(evaluation).map(([part, scores]) => scoreRow(part, scores)),
    },
  });
}
