import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeWav } from '@cadenza/audio';
import { ConfigError, InputError } from '@cadenza/core';
import { afterAll, describe, expect, it } from 'vitest';
import { checkFlags, rawFormat, recognitionOptions, type TranscribeFlags } from '../src/commands/transcribeOptions.js';
import { checkHotWords, parseHotWord } from '../src/hotWords.js';
import { decodeSound, type RawFormat, type SoundPiece } from '../src/soundInput.js';
import { findRecordings } from '../src/soundPaths.js';
import { smallConfig } from './tones.js';
import { untrained } from './untrained.js';

const folder = mkdtempSync(join(tmpdir(), 'cadenza-sounds-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Bytes in pieces of a length. */
async function* arriving(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
}

async function decoded(bytes: Uint8Array, length: number, raw?: RawFormat): Promise<SoundPiece[]> {
  const pieces: SoundPiece[] = [];
  for await (const piece of decodeSound(arriving(bytes, length), 'the test', raw)) pieces.push(piece);
  return pieces;
}

const joined = (pieces: readonly SoundPiece[]): number[] => pieces.flatMap(({ samples }) => Array.from(samples));

describe('decodeSound', () => {
  const left = Float32Array.from({ length: 50 }, (_, n) => n / 64);
  const right = left.map((value) => -value / 2);

  it('mixes the channels of a WAV stream, whatever the pieces', async () => {
    const bytes = encodeWav([left, right], { sampleRate: 11_025 });
    for (const length of [1, 7, 44, 1000]) {
      const pieces = await decoded(bytes, length);
      expect(joined(pieces)).toEqual(Array.from(left, (value) => value / 4));
      expect(pieces.every(({ sampleRate, samples }) => sampleRate === 11_025 && samples.length > 0)).toBe(true);
    }
  });

  it('reads raw samples of each encoding, and leaves out a last frame that is cut short', async () => {
    const bytesOf: Record<string, [RawFormat['encoding'], Uint8Array, number[]]> = {
      '8 bits': ['u8', Uint8Array.of(0, 128, 192), [-1, 0, 0.5]],
      '16 bits': ['s16le', Uint8Array.of(0, 0x80, 0, 0x40, 9), [-1, 0.5]],
      '24 bits': ['s24le', Uint8Array.of(0, 0, 0x80, 0, 0, 0x40, 1, 1), [-1, 0.5]],
      '32 bits': ['s32le', Uint8Array.of(0, 0, 0, 0x80, 0, 0, 0, 0x40), [-1, 0.5]],
      floats: ['f32le', new Uint8Array(Float32Array.of(-2, 0.25).buffer), [-2, 0.25]],
      doubles: ['f64le', new Uint8Array(Float64Array.of(-2, 0.25).buffer), [-2, 0.25]],
      'A-law': ['alaw', Uint8Array.of(0xd5), [8 / 32768]],
      'mu-law': ['mulaw', Uint8Array.of(0xff, 0x80), [0, 32_124 / 32768]],
    };
    for (const [encoding, bytes, samples] of Object.values(bytesOf)) {
      for (const length of [1, 5]) {
        const pieces = await decoded(bytes, length, { encoding, sampleRate: 8000, channels: 1 });
        expect([encoding, joined(pieces)]).toEqual([encoding, samples]);
      }
    }
    expect(
      joined(await decoded(Uint8Array.of(0, 0x40, 0, 0, 0), 2, { encoding: 's16le', sampleRate: 8000, channels: 2 })),
    ).toEqual([0.25]);
  });

  it('gives what came before an error, which names the place', async () => {
    const bytes = encodeWav(left, { sampleRate: 8000 });
    const pieces: SoundPiece[] = [];
    const cut = (async () => {
      for await (const piece of decodeSound(arriving(bytes.subarray(0, 100), 60), 'the test')) pieces.push(piece);
    })();
    await expect(cut).rejects.toThrow(InputError);
    expect(joined(pieces)).toHaveLength((100 - 44) / 2);
    await expect(decoded(Buffer.from('fLaC of some kind'), 4)).rejects.toThrow(
      /Expected the test to have "RIFF", .* got "fLaC"; samples without a header need --raw$/,
    );
    await expect(decoded(new Uint8Array(0), 4)).rejects.toThrow(/samples without a header need --raw$/);
    const raw: RawFormat = { encoding: 'f32le', sampleRate: 8000, channels: 1 };
    await expect(decoded(new Uint8Array(Float32Array.of(1, NaN).buffer), 4, raw)).rejects.toThrow(
      'Expected finite samples in the test, got NaN at frame 1 of channel 0',
    );
    expect(await decoded(new Uint8Array(0), 4, raw)).toEqual([]);
  });
});

describe('findRecordings', () => {
  const wav = encodeWav(new Float32Array(4), { sampleRate: 8000 });
  const write = (path: string, content: Uint8Array | string = wav): string => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
    return join(folder, path);
  };

  it('takes files as they are named, folders sorted with what is below, and manifests', async () => {
    const file = write('z.wav');
    for (const name of ['talks/b.wav', 'talks/a/x.WAV', 'talks/a.wav', 'talks/notes.txt', 'talks/dir.wav/q.wav'])
      write(name);
    const manifest = write(
      'list.jsonl',
      '{"audio_filepath":"z.wav","offset":1,"duration":2}\n{"audio_filepath":"../out.wav"}\n',
    );
    const errors: InputError[] = [];
    const paths = [file, join(folder, 'talks'), manifest, 'some.mfc'];
    const found = await findRecordings(paths, (error) => errors.push(error));
    expect(errors).toEqual([]);
    expect(found.map(({ name }) => name)).toEqual(['z', 'a', 'a/x', 'b', 'dir.wav/q', 'z-1', 'out', 'some']);
    expect(found[0]).toEqual({ id: file, audioPath: file, name: 'z' });
    expect(found[2].id).toBe(join(folder, 'talks/a/x.WAV'));
    expect(found[5]).toMatchObject({ offset: 1, duration: 2 });
    expect(found[7]).toMatchObject({ featurePath: 'some.mfc' });
  });

  it('follows links to folders, but not round, and leaves broken ones to be told of when they are read', async () => {
    for (const name of ['linked/a.wav', 'linked/below/b.wav', 'elsewhere/c.wav']) write(name);
    const link = (to: string, from: string) => symlinkSync(to, join(folder, 'linked', from));
    link('.', 'one');
    link('.', 'two');
    link('..', 'below/up');
    link('../elsewhere', 'other');
    link('round.wav', 'round.wav');
    const errors: InputError[] = [];
    const found = await findRecordings([join(folder, 'linked')], (error) => errors.push(error));
    expect(found.map(({ name }) => name)).toEqual(['a', 'below/b', 'other/c', 'round']);
    expect(errors).toEqual([]);
  });

  it('lists each folder once, however many links lead there, by its own path or else the first', async () => {
    const names = Array.from('abcdefghij');
    for (const name of names) write(`crossed/${name}/x.wav`);
    write('pool/y.wav');
    for (const from of names) {
      for (const to of names) symlinkSync(`../${to}`, join(folder, 'crossed', from, `0-${to}`));
      symlinkSync('../../pool', join(folder, 'crossed', from, 'pool'));
    }
    const found = await findRecordings([join(folder, 'crossed')], ({ message }) => expect.unreachable(message));
    expect(found.map(({ name }) => name)).toEqual(['a/pool/y', ...names.map((name) => `${name}/x`)]);
  });

  it('tells of each bad line and empty folder, and goes on', async () => {
    mkdirSync(join(folder, 'empty'));
    const bad = write('bad.jsonl', 'x\n{"audio_filepath":"z.wav"}\n');
    const worse = write('worse.jsonl', 'x\n');
    const none = write('none.jsonl', '');
    const errors: string[] = [];
    const found = await findRecordings(
      [join(folder, 'empty'), bad, worse, none, join(folder, 'gone.jsonl')],
      ({ message }) => errors.push(message),
    );
    expect(found).toHaveLength(1);
    expect(errors).toEqual([
      expect.stringMatching(/Expected sound files \(.*\) in the folder, got none: /),
      expect.stringMatching(/Expected line 1 of .*bad\.jsonl to be a JSON object/),
      expect.stringMatching(/Expected line 1 of .*worse\.jsonl to be a JSON object/),
      expect.stringMatching(/Expected recordings in the manifest, got none: .*none\.jsonl/),
      expect.stringMatching(/Expected a manifest at .*gone\.jsonl, got nothing there/),
    ]);
  });
});

describe('findRecordings of what the system refuses', () => {
  it('says why, and goes on', async () => {
    const loop = join(folder, 'loop');
    symlinkSync(loop, loop);
    const errors: string[] = [];
    const found = await findRecordings([loop, 'a.wav'], ({ message }) => errors.push(message));
    expect(found.map(({ id }) => id)).toEqual(['a.wav']);
    expect(errors).toEqual([expect.stringMatching(/Expected a path that can be read, got ELOOP.*loop$/)]);
  });

  it.skipIf(process.getuid?.() === 0)('in one folder below another is told, and the rest is found', async () => {
    const closed = join(folder, 'partly', 'closed');
    mkdirSync(closed, { recursive: true });
    writeFileSync(join(folder, 'partly', 'a.wav'), '');
    chmodSync(closed, 0);
    const errors: string[] = [];
    const found = await findRecordings([join(folder, 'partly')], ({ message }) => errors.push(message));
    chmodSync(closed, 0o700);
    expect(found.map(({ name }) => name)).toEqual(['a']);
    expect(errors).toEqual([expect.stringMatching(/Expected a path that can be read, got EACCES.*closed$/)]);
  });
});

describe('hot words', () => {
  it('are phrases with a boost behind the last colon, or a usual one', () => {
    expect(parseHotWord('turn left:8')).toEqual({ phrase: 'turn left', boost: 8 });
    expect(parseHotWord('at 5:30 pm')).toEqual({ phrase: 'at 5:30 pm', boost: 5 });
    expect(parseHotWord('a:b:.5')).toEqual({ phrase: 'a:b', boost: 0.5 });
    for (const bad of ['do:0', 'do:-2', ':4', '  ']) expect(() => parseHotWord(bad)).toThrow(ConfigError);
  });

  it('are of symbols that the model knows', () => {
    const { symbols } = untrained(smallConfig()).run;
    expect(() => checkHotWords([{ phrase: 'Fa  mi', boost: 1 }], symbols)).not.toThrow();
    expect(() => checkHotWords([{ phrase: 'do xx', boost: 1 }], symbols)).toThrow(/got "x" in "do xx"/);
  });
});

describe('the flags of transcribe', () => {
  const flags = (more: Partial<TranscribeFlags> = {}): TranscribeFlags => ({
    ...{ run: 'run', checkpoint: 'best', format: 'text', adapt: true, backend: 'auto' },
    ...more,
  });

  it.each<[Partial<TranscribeFlags>, string[], RegExp]>([
    [{}, ['-', 'a.wav'], /Expected standard input by itself, got - a\.wav/],
    [{ raw: 's16le' }, ['a.wav'], /Expected standard input with --raw, got a\.wav/],
    [{ rate: 8000 }, [], /Expected --raw with --rate, got none/],
    [{ channels: 2 }, ['-'], /Expected --raw with --channels, got none/],
    [{ words: true, format: 'srt' }, ['a.wav'], /Expected --format text with --words .*, got srt/],
    [{ words: true, nBest: 2 }, ['a.wav'], /Expected one of --words and --n-best, got both/],
    [{ nBest: 2, format: 'vtt' }, ['a.wav'], /Expected --format text or json with --n-best, got vtt/],
    [{ greedy: true, nBest: 2 }, ['a.wav'], /Expected no --n-best with --greedy/],
    [{ greedy: true, beam: 2 }, ['a.wav'], /Expected no --beam with --greedy/],
    [{ output: 'out' }, [], /Expected files or folders with --output, got standard input/],
  ])('that do not go together are refused: %j %j', (given, paths, message) => {
    expect(() => checkFlags(flags(given), paths)).toThrow(message);
    expect(() => checkFlags(flags(), paths.slice(0, 1))).not.toThrow();
  });

  it.each<[Partial<TranscribeFlags>, string[], RegExp]>([
    [{ hotWord: ['do'] }, ['task=classify', 'unit=word'], /Expected no --hot-word with a run of task classify/],
    [{ beam: 3 }, ['task=classify', 'unit=word'], /Expected no --beam with a run of task classify/],
    [{ hotWord: ['do'] }, ['decoding.method=greedy'], /Expected no --hot-word with a run of decoding\.method greedy/],
    [
      { beam: 3 },
      ['decoding.method=greedy'],
      /Expected no --beam with a run of decoding\.method greedy, which follows/,
    ],
    [{ nBest: 2 }, ['decoding.method=greedy'], /Expected no --n-best with a run of decoding\.method greedy/],
    [{ hotWord: ['do:-3'] }, [], /Expected the boost of a hot word to be a positive number, got "do:-3"/],
    [{ maxSeconds: 0.1 }, [], /^Expected --max-seconds to be at least 0\.3, for padding/],
    [{ pause: -1 }, [], /^Expected --pause to be a positive number, got -1/],
  ])('that the model cannot follow are refused: %j with %j', (given, assignments, message) => {
    const { run } = untrained(smallConfig(...assignments));
    expect(() => recognitionOptions(flags(given), run)).toThrow(message);
  });

  it('say how raw samples are stored, at the model’s rate unless told', () => {
    const { run } = untrained(smallConfig());
    expect(rawFormat(flags(), run)).toBeUndefined();
    expect(rawFormat(flags({ raw: 'mulaw' }), run)).toEqual({ encoding: 'mulaw', sampleRate: 8000, channels: 1 });
    expect(recognitionOptions(flags({ maxSeconds: 9, hotWord: ['do:2'] }), run)).toMatchObject({
      hotWords: [{ phrase: 'do', boost: 2 }],
      endpointing: { maximumUtterance: 9 },
    });
  });
});
