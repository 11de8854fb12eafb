import { writeTrainingReport } from '@cadenza/cli';
import { resultHeader, resultRows, type Evaluation } from './results.js';
import type { RunDescription } from './run.js';

/** Writes `report.html` into a run folder from what its metrics say so far, and returns its path. */
export function writeReport(directory: string, description: RunDescription, evaluation?: Evaluation): string {
  const { config, data } = description;
  const words = config.text.level === 'word';
  const { cell, layers, hiddenSize } = config.model;
  return writeTrainingReport(directory, description, {
    title: `Text generation: ${layers} × ${hiddenSize} ${cell.toUpperCase()}`,
    subtitle: `${data.source}, ${data.characters.toLocaleString('en')} characters`,
    lossUnit: words ? 'nats per word' : 'nats per character',
    tokenName: words ? 'words' : 'characters',
    evaluation: evaluation && {
      note: 'The weights of the best validation on the validation part: read as one stream, and in windows of 256 from a zero state.',
      header: resultHeader,
      rows: resultRows(evaluation),
    },
  });
}
