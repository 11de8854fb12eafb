import { readManifestFile, type Recording } from './corpora.js';
import { readRequest, requestOf } from './dataRequest.js';
import { trainingParts } from './prepare.js';
import type { SavedRun } from './run.js';

export type PartName = 'train' | 'validation' | 'test';

/**
 * A part of the recordings that a run was trained from; unless told, the test part, or where they have none, what the run was validated on:
 * its own manifest, the corpus's part, or what was held out of the training part.
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
  const validation = validationSource === undefined ? corpus.validation : await readManifestFile(validationSource);
  return { part, recordings: trainingParts({ ...corpus, validation }, config).validation };
}
