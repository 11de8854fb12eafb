import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encodeSphinxFeatures, encodeWav, featureMatrix } from '@cadenza/audio';
import { InputError } from '@cadenza/core';
import { afterAll, describe, expect, it } from 'vitest';
import { readCorpus, readManifestFile } from '../src/corpora.js';
import { dataSets } from '../src/dataSets.js';
import { FeaturePipeline } from '../src/features.js';
import { holdOut, prepareSpeech } from '../src/prepare.js';
import { SampleStore } from '../src/sampleStore.js';
import { loadUtterances, SoundLoader } from '../src/utterances.js';
import { RATE, sing, smallConfig, writeSongs } from './tones.js';

const scratch = mkdtempSync(join(tmpdir(), 'cadenza-corpora-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A folder with these files in it. */
function folderOf(files: Record<string, string | Uint8Array>): string {
  const folder = mkdtempSync(join(scratch, 'folder-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const tone = encodeWav(sing('do'), { sampleRate: RATE });
const folderOfTones = (...names: string[]): string => folderOf(Object.fromEntries(names.map((name) => [name, tone])));

it.each(dataSets)('the data set $name is used where its files go', ({ files, use }) => {
  const made = files.map(({ path, unpacks }) => unpacks ?? dirname(path));
  expect(made).toContain(use === '' ? '.' : use);
});

describe('readCorpus', () => {
  it('reads the layout of Sphinx, with speakers from its folders and cepstra where there is no sound', async () => {
    const folder = folderOf({
      'etc/tiny_train.fileids': 'set/anna/a-1\nset/otto/b-1\nset/otto/b-2\n',
      'etc/tiny_train.transcription': '<s> ONE TWO </s> (a-1)\nSTOP (b-1)\nYES (b-2)\n',
      'etc/tiny_test.fileids': 'set/anna/a-2\n',
      'etc/tiny_test.transcription': 'GO (a-2)\n',
      'feat/set/anna/a-1.mfc': new Uint8Array(4),
      'wav/set/otto/b-1.wav': tone,
      'wav/set/otto/b-2.sph': new Uint8Array(4),
      'feat/set/anna/a-2.mfc': new Uint8Array(4),
    });
    const { train, validation, test } = await readCorpus(folder);
    expect(train).toEqual([
      { id: 'set/anna/a-1', speaker: 'anna', text: 'ONE TWO', featurePath: join(folder, 'feat/set/anna/a-1.mfc') },
      { id: 'set/otto/b-1', speaker: 'otto', text: 'STOP', audioPath: join(folder, 'wav/set/otto/b-1.wav') },
      { id: 'set/otto/b-2', speaker: 'otto', text: 'YES', audioPath: join(folder, 'wav/set/otto/b-2.sph') },
    ]);
    expect(validation).toBeNull();
    expect(test.map(({ text }) => text)).toEqual(['GO']);
  });

  it('names the line of a transcription that does not go with its control file', async () => {
    const files = { 'etc/a_train.fileids': 'x/one\nx/two\n', 'wav/x/one.wav': tone, 'wav/x/two.wav': tone };
    const of = (transcription: string) =>
      readCorpus(folderOf({ ...files, 'etc/a_train.transcription': transcription }));
    await expect(of('YES (one)\nNO (three)\n')).rejects.toThrow(
      /Expected line 2 of .*a_train\.transcription to be words and \(two\)/,
    );
    await expect(of('YES (one)\n')).rejects.toThrow(
      /Expected as many lines in .*transcription as in .*fileids, 2, got 1/,
    );
    await expect(readCorpus(folderOf(files))).rejects.toThrow(/Expected a control file at .*a_train\.transcription/);
  });

  it('refuses control files that are not UTF-8, by file and line', async () => {
    const sound = { 'wav/x/one.wav': tone, 'wav/x/two.wav': tone };
    const of = (fileids: string, transcription: string) =>
      readCorpus(
        folderOf({
          ...sound,
          'etc/a_train.fileids': Buffer.from(fileids, 'latin1'),
          'etc/a_train.transcription': Buffer.from(transcription, 'latin1'),
        }),
      );
    await expect(of('x/one\nx/two\n', 'YES (one)\nN\xD6 (two)\n')).rejects.toThrow(
      /Expected UTF-8 in .*a_train\.transcription, got 0xD6 at byte 11 \(line 2\); convert the file, for example with iconv/,
    );
    await expect(of('x/one\nx/tw\xF6\n', 'YES (one)\nNO (two)\n')).rejects.toThrow(
      /Expected UTF-8 in .*a_train\.fileids, got 0xF6 at byte 10 \(line 2\)/,
    );
  });

  it('reads labels, speakers and the official test part from the names of digits', async () => {
    const { train, test } = await readCorpus(
      folderOfTones('7_anna_0.wav', '7_anna_4.wav', '7_anna_5.wav', '0_otto_12.wav', 'notes.txt'),
    );
    expect(train.map(({ text, speaker }) => [text, speaker])).toEqual([
      ['zero', 'otto'],
      ['seven', 'anna'],
    ]);
    expect(test.map(({ id }) => id)).toEqual(['7_anna_0.wav', '7_anna_4.wav']);
  });

  it('leaves labels as they are where not all of them are digits', async () => {
    const { train } = await readCorpus(folderOfTones('7_anna_5.wav', 'stop_otto_12.wav', '10_otto_9.wav'));
    expect(train.map(({ text }) => text)).toEqual(['10', '7', 'stop']);
  });

  it('says which are to test on where these are all there are', async () => {
    const source = folderOfTones('yes_anna_0.wav', 'no_anna_1.wav');
    await expect(prepareSpeech(await readCorpus(source), smallConfig(), { source })).rejects.toThrow(
      `Expected recordings for train in ${source}, got none besides 2 to test on (LABEL_SPEAKER_INDEX.wav with an index of 0 to 4)`,
    );
  });

  it('reads a folder of manifests, and one manifest', async () => {
    const folder = mkdtempSync(join(scratch, 'manifests-'));
    const manifest = writeSongs(folder, ['do', 're']);
    writeSongs(folder, ['mi'], 'test');
    const corpus = await readCorpus(folder);
    expect(corpus.train.map(({ text }) => text)).toEqual(['do', 're']);
    expect([corpus.validation, corpus.test.map(({ text }) => text)]).toEqual([null, ['mi']]);
    expect((await readCorpus(manifest)).train).toEqual(corpus.train);
  });

  it('says what it expects where it finds nothing', async () => {
    await expect(readCorpus(join(scratch, 'nowhere'))).rejects.toThrow(
      /Expected a manifest or a folder of recordings, got nothing there/,
    );
    await expect(readCorpus(folderOf({ 'a.txt': '' }))).rejects.toThrow(
      /Expected train\.jsonl, etc\/\*_train\.fileids or sound files/,
    );
    await expect(readCorpus(join(folderOf({ 'empty.jsonl': '\n' }), 'empty.jsonl'))).rejects.toThrow(
      /Expected recordings in the manifest/,
    );
  });

  it('tells a file that a manifest names again from the first by its line', async () => {
    const lines = [
      '{"audio_filepath":"a.wav"}',
      '{"audio_filepath":"a.wav","duration":1}',
      '{"audio_filepath":"b.wav"}',
    ];
    const recordings = await readManifestFile(join(folderOf({ 'm.jsonl': lines.join('\n') }), 'm.jsonl'));
    expect(recordings.map(({ id }) => id)).toEqual(['a.wav', 'a.wav:2', 'b.wav']);
  });

  it('names the bad line of a manifest, or passes it over where it may', async () => {
    const path = join(
      folderOf({ 'm.jsonl': '{"audio_filepath":"a.wav"}\nnonsense\n{"audio_filepath":"b.wav"}\n' }),
      'm.jsonl',
    );
    await expect(readManifestFile(path)).rejects.toThrow(/Expected line 2 of .*m\.jsonl to be a JSON object/);
    const told: string[] = [];
    const recordings = await readManifestFile(path, ({ message }) => told.push(message));
    expect(recordings.map(({ id }) => id)).toEqual(['a.wav', 'b.wav']);
    expect(told).toHaveLength(1);
  });
});

describe('holdOut', () => {
  const recordings = Array.from({ length: 40 }, (_, index) => ({
    id: `${index}`,
    speaker: `s${index % 20}`,
    text: 'a',
  }));

  it('holds whole speakers out, of which none is in both parts', () => {
    const { train, validation } = holdOut(recordings, smallConfig('heldOut=0.2'));
    const held = new Set(validation.map(({ speaker }) => speaker));
    expect(validation).toHaveLength(8);
    expect(train.some(({ speaker }) => held.has(speaker))).toBe(false);
    expect(train.length + validation.length).toBe(40);
  });

  it('takes recordings of any speaker where it is told to, or where speakers are few', () => {
    const few = recordings.map((recording, index) => ({ ...recording, speaker: `s${index % 2}` }));
    for (const [list, options] of [
      [recordings, ['holdOutBy=recording']],
      [few, []],
    ] as const) {
      const { validation } = holdOut(list, smallConfig('heldOut=0.1', ...options));
      expect(validation).toHaveLength(4);
    }
  });

  it('holds out the same for the same seed, and others for another', () => {
    const ids = (...options: string[]) => holdOut(recordings, smallConfig(...options)).validation.map(({ id }) => id);
    expect(ids('seed=1')).toEqual(ids('seed=1'));
    expect(ids('seed=1')).not.toEqual(ids('seed=2'));
    expect(ids('seed=2', 'holdOutSeed=1')).toEqual(ids('seed=1'));
    expect(ids('seed=1', 'holdOutSeed=2')).toEqual(ids('seed=2'));
  });
});

describe('loading', () => {
  const options = { clean: (text: string) => text };
  const pipeline = new FeaturePipeline(smallConfig().features);

  it('cuts a recording out of a longer file', async () => {
    const folder = folderOf({ 'all.wav': encodeWav(sing('do re mi'), { sampleRate: RATE }) });
    const audioPath = join(folder, 'all.wav');
    const [part] = await loadUtterances([{ id: 'x', audioPath, offset: 0.25, duration: 0.3 }], pipeline, {
      ...options,
      store: new SampleStore(),
    });
    const [whole] = await loadUtterances([{ id: 'x', audioPath }], pipeline, { ...options, store: new SampleStore() });
    expect([...part.samples!.read()]).toEqual([...whole.samples!.read().slice(2000, 4400)]);
    expect(part.seconds).toBeCloseTo(0.3, 10);
    const beyond = loadUtterances([{ id: 'x', audioPath, offset: 9 }], pipeline, options);
    await expect(beyond).rejects.toThrow(/Expected offset to lie in the sound of 0\.850 s, got 9/);
  });

  it('resamples sound of another rate', async () => {
    const folder = folderOf({ 'high.wav': encodeWav(sing('do', undefined, 16_000), { sampleRate: 16_000 }) });
    const [{ samples, seconds }] = await loadUtterances([{ id: 'x', audioPath: join(folder, 'high.wav') }], pipeline, {
      ...options,
      store: new SampleStore(),
    });
    expect([samples!.read().length, seconds]).toEqual([2800, 0.35]);
  });

  it('tells of each rate that is resampled once, whatever the loader reads', async () => {
    const rates = [16_000, RATE, 11_025, 16_000];
    const folder = folderOf(
      Object.fromEntries(
        rates.map((sampleRate, index) => [
          `${index}.wav`,
          encodeWav(sing('do', undefined, sampleRate), { sampleRate }),
        ]),
      ),
    );
    const recordings = rates.map((_, index) => ({ id: `${index}`, audioPath: join(folder, `${index}.wav`) }));
    const told: [number, string][] = [];
    const loader = new SoundLoader(RATE, (rate, { id }) => told.push([rate, id]));
    await loadUtterances(recordings, pipeline, { ...options, loader });
    await loadUtterances(recordings, pipeline, { ...options, loader });
    expect(told).toEqual([
      [16_000, '0'],
      [11_025, '2'],
    ]);
  });

  it('reads features made before where the configuration is of them only', async () => {
    const frames = featureMatrix(
      Float32Array.from({ length: 26 }, (_, at) => at),
      13,
    );
    const featurePath = join(folderOf({ 'a.mfc': encodeSphinxFeatures(frames) }), 'a.mfc');
    const sphinx = new FeaturePipeline(smallConfig('kind=sphinx', 'cepstra=13', 'bands=20').features);
    const [utterance] = await loadUtterances([{ id: 'a', featurePath }], sphinx, options);
    expect(utterance.frames).toEqual(frames);
    await expect(loadUtterances([{ id: 'a', featurePath }], pipeline, options)).rejects.toThrow(
      /Expected features\.kind sphinx for files of features, got mfcc/,
    );
    const twelve = new FeaturePipeline(smallConfig('kind=sphinx', 'cepstra=12', 'bands=20').features);
    await expect(loadUtterances([{ id: 'a', featurePath }], twelve, options)).rejects.toThrow(
      `Expected frames of features.cepstra 12 floats, got 26 floats in all: ${featurePath}`,
    );
  });

  it('leaves out what cannot be read and tells of it, or ends with it', async () => {
    const folder = folderOf({ 'good.wav': tone, 'bad.wav': tone.slice(0, 60) });
    const recordings = ['good.wav', 'bad.wav', 'none.wav'].map((name) => ({ id: name, audioPath: join(folder, name) }));
    const told: string[] = [];
    const read = await loadUtterances(recordings, pipeline, {
      ...options,
      onError: ({ message }) => told.push(message),
    });
    expect(read.map(({ id }) => id)).toEqual(['good.wav']);
    expect(told).toHaveLength(2);
    await expect(loadUtterances(recordings, pipeline, options)).rejects.toThrow(InputError);
  });

  it('names the recording of an error that does not', async () => {
    const loader = new SoundLoader(RATE);
    loader.load = () => Promise.reject(new InputError('Expected finite samples, got NaN'));
    const loading = loadUtterances([{ id: 'loud', audioPath: '/loud.wav' }], pipeline, { ...options, loader });
    await expect(loading).rejects.toThrow(new InputError('Expected finite samples, got NaN: loud'));
  });

  it('ends where samples have no room, which is no fault of a recording', async () => {
    const audioPath = join(folderOf({ 'good.wav': tone }), 'good.wav');
    const store = new SampleStore();
    store.keep = () => {
      throw new InputError('Expected room');
    };
    const told: unknown[] = [];
    const onError = (error: unknown) => told.push(error);
    await expect(loadUtterances([{ id: 'good', audioPath }], pipeline, { ...options, store, onError })).rejects.toThrow(
      'Expected room',
    );
    expect(told).toEqual([]);
  });
});
