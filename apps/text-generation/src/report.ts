import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { renderTrainingReport } from '@cadenza/cli';
import { readMetrics, replaceFile, defaultFileSystem } from '@cadenza/core';
import { resultHeader, resultRows, type Evaluation } from './results.js';
import type { RunDescription } from './run.js';

/** Writes `report.html` into a run folder from what its metrics say so far, and returns its path. */
export function writeReport(directory: string, description: RunDescription, evaluation?: Evaluation): string {
  const path = join(directory, 'report.html');
  const log = join(directory, 'metrics.jsonl');
  const { config, data } = description;
  const words = config.text.level === 'word';
  const { cell, layers, hiddenSize } = config.model;
  const page = renderTrainingReport({
    title: `Text generation: ${layers} × ${hiddenSize} ${cell.toUpperCase()}`,
    subtitle: `${data.source}, ${data.characters.toLocaleString('en')} characters`,
    metrics: existsSync(log) ? readMetrics(log) : [],
    lossUnit: words ? 'nats per word' : 'nats per character',
    tokenName: words ? 'words' : 'characters',
    evaluation: evaluation && {
      note: 'The weights of the best validation on the validation part: read as one stream, and in windows of 256 from a zero state.',
      columns: resultHeader.map((title, index) => ({ title, number: index > 0 })),
      rows: resultRows(evaluation),
    },
    configuration: { ...description },
    footer: `Cadenza ${description.versions.cadenza}, TensorFlow.js ${description.versions.tfjs}, Node ${description.versions.node}`,
  });
  replaceFile(defaultFileSystem, path, page);
  return path;
}
