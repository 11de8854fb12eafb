import { InputError } from '@cadenza/core';
import { readManifestFile, type Recording } from './corpora.js';
import { readRequest, requestOf } from './dataRequest.js';
import { fingerprintOf, trainingParts, type DataDescription } from './prepare.js';
import type { SavedRun } from './run.js';

export type PartName = 'train' | 'validation' | 'test';

/**
 * A part of the recordings that a run was trained from, where `train` has what was held out too; unless told, the test part, or where they
 * have none, what the run was validated on: its own manifest, the corpus's part, or what was held out of the training part.
 */
export async function readOwnPart(
  { description, config }: Pick<SavedRun, 'description' | 'config'>,
  wanted?: PartName,
): Promise<{ part: PartName; recordings: readonly Recording[] }> {
  const { source, validationSource } = requestOf(description);
  const corpus = await readRequest({ source });
  const part = wanted ?? (corpus.test.length > 0 ? 'test' : 'validation');
  if (part !== 'validation') return { part, recordings: corpus[part] };
  // A manifest to validate on may be gone where it is not asked for.
  if (validationSource !== undefined) return { part, recordings: await readManifestFile(validationSource) };
  if (corpus.validation !== null) return { part, recordings: corpus.validation };
  const { validation } = trainingParts(corpus, config);
  checkHeldOut(validation, description.data);
  return { part, recordings: validation };
}

/** Refuses what would be held out of other recordings than the run was trained from, which may have been trained on. */
function checkHeldOut(found: readonly Recording[], { source, heldOut, validated }: DataDescription): void {
  if (heldOut === undefined ? found.length === validated : heldOut === fingerprintOf(found)) return;
  throw new InputError(
    `Expected the recordings that the run was trained from, to measure those that were held out, got others or changed ones in ${source}; ` +
      'name what to measure by --manifest',
  );
}
