import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCorpus, readManifestFile } from '../src/corpora.js';
import { readOwnPart, type PartName } from '../src/ownRecordings.js';
import { holdOut, prepareSpeech } from '../src/prepare.js';
import { smallConfig, tenTexts, writeSongs } from './tones.js';

const scratch = mkdtempSync(join(tmpdir(), 'cadenza-own-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const train = writeSongs(scratch, tenTexts);
const other = writeSongs(mkdtempSync(join(scratch, 'other-')), ['do', 're'], 'validation');
const config = smallConfig('heldOut=0.3', 'holdOutBy=recording', 'seed=5');

/** What is read of a run that was trained on these data. */
async function partOf(source: string, validationSource: string | null, wanted?: PartName, data: object = {}) {
  const description = { data: { source, validationSource, validated: 3, ...data } };
  const { part, recordings } = await readOwnPart({ config, description } as Parameters<typeof readOwnPart>[0], wanted);
  return { part, ids: recordings.map(({ id }) => id) };
}

describe('readOwnPart', () => {
  it('takes what was held out of a manifest that is all there is', async () => {
    const held = holdOut(await readManifestFile(train), config).validation.map(({ id }) => id);
    expect(held).toHaveLength(3);
    expect(await partOf(train, null)).toEqual({ part: 'validation', ids: held });
    expect(await partOf(train, null, 'test')).toEqual({ part: 'test', ids: [] });
  });

  it('refuses to hold out of recordings that are others than those of the training', async () => {
    const { heldOut } = (await prepareSpeech(await readCorpus(train), config, { source: train })).description;
    expect(heldOut).toMatch(/^[0-9a-f]{64}$/);
    expect(await partOf(train, null, 'validation', { heldOut })).toMatchObject({ part: 'validation' });
    const more = writeSongs(mkdtempSync(join(scratch, 'more-')), [...tenTexts, 'do', 're']);
    const message =
      /Expected the recordings that the run was trained from.* got others or changed ones in .*; name what/;
    await expect(partOf(more, null, 'validation', { heldOut })).rejects.toThrow(message);
    await expect(partOf(more, null, undefined, { heldOut })).rejects.toThrow(message);
    const changed = writeSongs(
      mkdtempSync(join(scratch, 'changed-')),
      tenTexts.map(() => 'do'),
    );
    await expect(partOf(changed, null, undefined, { heldOut })).rejects.toThrow(message);
    // A run of before this was saved has the number of them.
    await expect(partOf(more, null)).rejects.toThrow(message);
  });

  it('takes the manifest that a run was validated on', async () => {
    expect(await partOf(train, other)).toEqual({ part: 'validation', ids: ['validation-0.wav', 'validation-1.wav'] });
  });

  it('takes the test part where there is one, and then the validation part only if that is asked for', async () => {
    const folder = mkdtempSync(join(scratch, 'parts-'));
    for (const [name, texts] of Object.entries({ train: tenTexts, validation: ['do'], test: ['mi'] })) {
      writeSongs(folder, texts, name);
    }
    expect(await partOf(folder, null)).toEqual({ part: 'test', ids: ['test-0.wav'] });
    expect(await partOf(folder, join(scratch, 'gone.jsonl'))).toMatchObject({ part: 'test' });
    expect(await partOf(folder, null, 'validation')).toEqual({ part: 'validation', ids: ['validation-0.wav'] });
    await expect(partOf(folder, join(scratch, 'gone.jsonl'), 'validation')).rejects.toThrow(/gone\.jsonl/);
  });
});
