import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSphinxFeatures, encodeWav, featureMatrix } from '@cadenza/audio';
import { InputError } from '@cadenza/core';
import { afterAll, describe, expect, it } from 'vitest';
import { readCorpus, type Recording } from '../src/corpora.js';
import { alignmentSteps, describeDropped } from '../src/dropped.js';
import { FeaturePipeline } from '../src/features.js';
import { checkSameData, prepareSpeech, type DataDescription } from '../src/prepare.js';
import { loadUtterances } from '../src/utterances.js';
import { RATE, sing, smallConfig, writeSongs } from './tones.js';

const scratch = mkdtempSync(join(tmpdir(), 'cadenza-prepare-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it('CTC takes a step for each label, and one between two equal ones', () => {
  expect(alignmentSteps([])).toBe(0);
  expect(alignmentSteps(Int32Array.of(1, 2, 1))).toBe(3);
  expect(alignmentSteps(['l', 'l', 'l', 'o', 'o'])).toBe(8);
});

describe('prepareSpeech', () => {
  it('counts what it does not train on, and says why', async () => {
    const manifest = writeSongs(join(scratch, 'dropped'), ['do', 're mi', 'fa do fa']);
    const { train } = await readCorpus(manifest);
    const corpus = { train: [...train, { ...train[0], id: 'none', duration: 0 }], validation: train, test: [] };
    const config = smallConfig('maximumSeconds=0.7');
    const { description } = await prepareSpeech(corpus, config, { source: manifest });
    expect(description).toMatchObject({
      trained: 2,
      validated: 3,
      dropped: { unreadable: 0, empty: 1, tooLong: 1, tooShort: 0 },
    });
    expect(describeDropped(description.dropped, config)).toBe(
      ' (dropped: 1 shorter than a frame, 1 longer than data.maximumSeconds 0.7 s)',
    );
    expect(describeDropped({ unreadable: 0, empty: 0, tooLong: 0, tooShort: 0 }, config)).toBe('');
  });

  it('leaves out what CTC cannot align, and fails where nothing is left', async () => {
    const manifest = writeSongs(join(scratch, 'crowded'), ['do', 're', 'mi']);
    const { train } = await readCorpus(manifest);
    const config = smallConfig();
    const pipeline = new FeaturePipeline(config.features);
    const [{ frames }] = await loadUtterances(train, pipeline, { clean: (text) => text });
    const steps = pipeline.finish(frames).frames;
    const fitting = { ...train[0], text: 'ab'.repeat(steps).slice(0, steps) };
    const crowded = { ...train[1], text: `${fitting.text}c` };
    const repeated = { ...train[2], text: `${fitting.text.slice(0, -1)}${fitting.text.at(-2)}` };
    const prepare = (all: Recording[], chosen = config) =>
      prepareSpeech({ train: all, validation: [fitting], test: [] }, chosen, { source: manifest });
    const { train: kept, symbols, description } = await prepare([fitting, crowded, repeated]);
    expect(kept.map(({ id }) => id)).toEqual([fitting.id]);
    expect(symbols.symbols).not.toContain('c');
    expect(description).toMatchObject({ trained: 1, dropped: { empty: 0, tooLong: 0, tooShort: 2 } });
    expect(describeDropped(description.dropped, config)).toBe(' (dropped: 2 too short for their texts)');
    await expect(prepare([crowded, repeated])).rejects.toThrow(
      `in ${manifest}, got none of 2 (dropped: 2 too short for their texts)`,
    );
    const words = await prepare([crowded, repeated], smallConfig('unit=word', 'task=classify'));
    expect(words.description).toMatchObject({ trained: 2, dropped: { tooShort: 0 } });
  });

  it('keeps what CTC cannot align in a run that was begun with it, before such recordings were left out', async () => {
    const manifest = writeSongs(join(scratch, 'begun'), ['do', 're']);
    const { train } = await readCorpus(manifest);
    const corpus = { train: [train[0], { ...train[1], text: 're '.repeat(60) }], validation: train, test: [] };
    const config = smallConfig();
    const now = await prepareSpeech(corpus, config, { source: manifest });
    expect(now.description).toMatchObject({ trained: 1, dropped: { tooShort: 1 } });
    const { symbols, description: begun } = now;
    const again = await prepareSpeech(corpus, config, { source: manifest, symbols, begun });
    expect(() => checkSameData(begun, again.description, config)).not.toThrow();
    for (const dropped of [undefined, { empty: 0, tooLong: 0 }]) {
      const older = { ...begun, dropped } as typeof begun;
      const { description } = await prepareSpeech(corpus, config, { source: manifest, begun: older });
      expect(description).toMatchObject({ trained: 2, dropped: { tooShort: 0 } });
      expect(() => checkSameData(begun, description, config)).toThrow(InputError);
      expect(() => checkSameData(description, begun, config)).toThrow(
        `Expected the recordings that the run was started with, 2 of ${manifest} and 2 to validate on, ` +
          `got 1 of ${manifest} (dropped: 1 too short for their texts) and 2 to validate on, ` +
          'others in number, sound, texts or speakers; name or restore the same, or start a new run',
      );
    }
  });

  it('passes over recordings that cannot be read where it may, and fails where none is left', async () => {
    const manifest = writeSongs(join(scratch, 'unreadable'), ['do', 're mi']);
    const { train } = await readCorpus(manifest);
    const bytes = encodeWav(sing('do'), { sampleRate: RATE, format: 'float32' });
    new DataView(bytes.buffer).setFloat32(bytes.length - 4, NaN, true);
    const bad = { ...train[0], id: 'nan.wav', audioPath: join(scratch, 'nan.wav') };
    writeFileSync(bad.audioPath, bytes);
    const told: string[] = [];
    const onError = ({ message }: InputError) => void told.push(message);
    const prepare = (all: Recording[], validation: Recording[]) =>
      prepareSpeech({ train: all, validation, test: [] }, smallConfig(), { source: manifest, onError });
    const { description } = await prepare([bad, ...train], [...train, bad]);
    expect(description).toMatchObject({ trained: 2, validated: 2, dropped: { unreadable: 1, empty: 0 } });
    expect(describeDropped(description.dropped, smallConfig())).toBe(' (dropped: 1 that cannot be read)');
    expect(told).toHaveLength(2);
    for (const line of told) expect(line).toMatch(/^Expected finite samples in .*nan\.wav, got NaN/);
    await expect(prepare([bad], train)).rejects.toThrow('got none of 1 (dropped: 1 that cannot be read)');
    await expect(prepare(train, [bad])).rejects.toThrow(
      `Expected recordings for validation in ${manifest} that can be read, got none of 1`,
    );
    const corpus = { train: [bad], validation: train, test: [] };
    await expect(prepareSpeech(corpus, smallConfig(), { source: manifest })).rejects.toThrow(
      /^Expected finite samples/,
    );
  });

  it('ends at once with features made before where the configuration is not of them', async () => {
    const told: unknown[] = [];
    const made = ['a', 'b'].map((id) => ({ id, text: 'do', featurePath: `${id}.mfc` }));
    const corpus = { train: made, validation: made, test: [] };
    const options = { source: 'x', onError: (error: unknown) => void told.push(error) };
    await expect(prepareSpeech(corpus, smallConfig(), options)).rejects.toThrow(
      'Expected features.kind sphinx for files of features, got mfcc, which is made of sound: a.mfc',
    );
    expect(told).toEqual([]);
  });

  it('refuses what is done to sound where there are features alone, but in a run that was begun so', async () => {
    const [made] = ['a'].map((id) => ({ id, text: 'do', featurePath: join(scratch, `${id}.mfc`) }));
    writeFileSync(made.featurePath, encodeSphinxFeatures(featureMatrix(new Float32Array(6 * 20).fill(1), 6)));
    const corpus = { train: [made], validation: [made], test: [] };
    const prepare = (begun: DataDescription | undefined, ...assignments: string[]) =>
      prepareSpeech(corpus, smallConfig('kind=sphinx', ...assignments), { source: 'x', begun });
    const { description } = await prepare(undefined, 'speed=0.1', 'vocalTract=0.1', 'times=1');
    for (const assignment of ['volume=6', 'shelf=3', 'noise.probability=0.5', 'reverberation.probability=1']) {
      const [name, value] = assignment.split('=');
      await expect(prepare(undefined, assignment)).rejects.toThrow(
        `Expected augmentation.${name} to be 0 for files of features, whose sound is not there, got ${value}: ${made.featurePath}`,
      );
    }
    expect((await prepare(description, 'volume=6')).description).toEqual(description);
  });

  it('says what was held out where nothing is left to train on', async () => {
    const manifest = writeSongs(join(scratch, 'alone'), ['do']);
    await expect(prepareSpeech(await readCorpus(manifest), smallConfig(), { source: manifest })).rejects.toThrow(
      `Expected recordings for train in ${manifest}, got none besides 1 held out for validation (data.heldOut 0.1)`,
    );
  });

  it('counts the speakers who are named', async () => {
    const manifest = writeSongs(join(scratch, 'speakers'), ['do', 're', 'mi']);
    const { train } = await readCorpus(manifest);
    const speakersOf = async (...speakers: (string | undefined)[]) => {
      const all = train.map((recording, index) => ({ ...recording, speaker: speakers[index] }));
      const corpus = { train: all, validation: train, test: [] };
      return (await prepareSpeech(corpus, smallConfig(), { source: manifest })).description.speakers;
    };
    expect(await speakersOf()).toBe(0);
    expect(await speakersOf('anna', undefined, 'anna')).toBe(1);
  });

  it('tells once of a rate that is resampled in both parts', async () => {
    const sound = encodeWav(sing('do', undefined, 16_000), { sampleRate: 16_000 });
    const [one, other] = ['a', 'b'].map((id) => ({ id, text: 'do', audioPath: join(scratch, `${id}.wav`) }));
    for (const { audioPath } of [one, other]) writeFileSync(audioPath, sound);
    const told: [number, string][] = [];
    const onResample = (rate: number, { id }: Recording) => void told.push([rate, id]);
    const corpus = { train: [one], validation: [other], test: [] };
    await prepareSpeech(corpus, smallConfig(), { source: 'x', onResample });
    expect(told).toEqual([[16_000, 'a']]);
  });

  it('knows other recordings by their sound and speakers too', async () => {
    const manifest = writeSongs(join(scratch, 'known'), ['do', 're']);
    const { train } = await readCorpus(manifest);
    const fingerprintOf = async (first: Recording): Promise<string> => {
      const all = [first, train[1]];
      const corpus = { train: all, validation: all, test: [] };
      return (await prepareSpeech(corpus, smallConfig(), { source: manifest })).description.fingerprint;
    };
    const same = await fingerprintOf(train[0]);
    expect(await fingerprintOf({ ...train[0] })).toBe(same);
    expect(await fingerprintOf({ ...train[0], speaker: 'another' })).not.toBe(same);
    expect(await fingerprintOf({ ...train[0], audioPath: train[1].audioPath })).not.toBe(same);
  });

  it('leaves speakers out, and refuses one who is not there', async () => {
    const manifest = writeSongs(join(scratch, 'songs'));
    const corpus = await readCorpus(manifest);
    const without = { ...smallConfig('holdOutBy=recording') };
    without.data = { ...without.data, withoutSpeakers: ['singer-1'] };
    const { train, validation, description } = await prepareSpeech(corpus, without, { source: manifest });
    expect([...train, ...validation].some(({ speaker }) => speaker === 'singer-1')).toBe(false);
    expect(description).toMatchObject({ trained: 7, validated: 1, source: manifest });
    without.data.withoutSpeakers = ['singer-9'];
    await expect(prepareSpeech(corpus, without, { source: manifest })).rejects.toThrow(
      /Expected data\.withoutSpeakers to be speakers of .* \(singer-0, .*\), got singer-9/,
    );
  });

  it('refuses recordings without a text, and labels of several words', async () => {
    const manifest = writeSongs(join(scratch, 'more'));
    const corpus = await readCorpus(manifest);
    const untold = { ...corpus, train: corpus.train.map((one, index) => (index === 3 ? { ...one, text: ' ' } : one)) };
    await expect(prepareSpeech(untold, smallConfig(), { source: manifest })).rejects.toThrow(
      /Expected a text with each recording, got none with train-3\.wav/,
    );
    await expect(
      prepareSpeech(corpus, smallConfig('task=classify', 'unit=word'), { source: manifest }),
    ).rejects.toThrow(/Expected one word as the label of each recording with task classify, got "/);
  });
});
