import { InputError } from '@cadenza/core';
import { readAlignedLines, type SentencePair } from '@cadenza/text';
import { checkSameData, readPairs, requestOf, type PairParts } from './prepare.js';
import type { SavedRun } from './run.js';

/** Sentences to translate with their references, and parts of them to measure by themselves. */
export interface TestData {
  name: string;
  pairs: SentencePair[];
  /** Places in `pairs` by the part's name. */
  parts: Record<string, number[]>;
}

/** The lines of two files that go together. */
export async function readTestFiles(sourceFile: string, referenceFile: string): Promise<TestData> {
  const pairs = await readAlignedLines(sourceFile, referenceFile);
  if (pairs.length === 0) throw new InputError(`Expected sentences in ${sourceFile}, got none: it is empty`);
  return { name: `${sourceFile} and ${referenceFile}`, pairs, parts: {} };
}

/**
 * What a run has not been trained on: of embedded phrases the test part, with its unseen values and unseen templates apart; else
 * the run's validation part.
 */
export async function ownTestData(run: SavedRun): Promise<TestData> {
  const parts = await readOwnPairs(run);
  if (parts.test === null) return { name: 'validation', pairs: parts.validation, parts: {} };
  const places = (kind: 'values' | 'templates'): number[] =>
    parts.test!.flatMap((pair, index) => (pair.kind === kind ? [index] : []));
  const byKind = { 'unseen values': places('values'), 'unseen templates': places('templates') };
  return {
    name: 'test',
    pairs: parts.test,
    parts: Object.fromEntries(Object.entries(byKind).filter(([, list]) => list.length > 0)),
  };
}

/** Reads the pairs of a run again, and refuses changed ones. */
export async function readOwnPairs({ config, description: { data } }: SavedRun): Promise<PairParts> {
  const parts = await readPairs(requestOf(data), config);
  checkSameData(data, parts.description, 'that the run was trained on');
  return parts;
}
