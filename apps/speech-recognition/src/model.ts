import { AcousticModel, type Random } from '@cadenza/core';
import type { Config } from './config.js';
import type { SymbolTable } from './symbols.js';

/** The network of a configuration, for frames of a size and the symbols of its transcripts, filled from the generator. */
export function createModel(
  { task, model }: Config,
  featureSize: number,
  symbols: SymbolTable,
  random: Random,
): AcousticModel {
  // A label is never nothing, so that to tell labels apart takes no blank.
  const classes = task === 'classify' ? symbols.size - 1 : symbols.size;
  return new AcousticModel({ ...model, featureSize, classes }, random);
}
