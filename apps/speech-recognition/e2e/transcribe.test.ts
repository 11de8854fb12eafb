import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { encodeWav } from '@cadenza/audio';
import { Random } from '@cadenza/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { RATE, sing, tenTexts, writeSongs } from '../tests/tones.js';
import { cadenzaSpeech, lastObject, scratchFolder, until, type CommandOptions, type CommandResult } from './command.js';

const folder = scratchFolder();
const songs = join(folder, 'songs');
writeSongs(songs, [...tenTexts, ...tenTexts, ...tenTexts]);
writeSongs(songs, tenTexts, 'validation');
/** A run that hears while sound comes, and one that waits for the end. */
const live = join(folder, 'live');
const waiting = join(folder, 'waiting');

const train = (run: string, ...more: string[]): Promise<CommandResult> =>
  cadenzaSpeech([
    'train',
    '--run',
    run,
    '--data',
    songs,
    '--quiet',
    '--json',
    '--threads',
    '1',
    '--preset',
    'tiny',
    '--unit',
    'word',
    ...more,
  ]);

const transcribe = (args: string[], options: CommandOptions = {}): Promise<CommandResult> =>
  cadenzaSpeech(['transcribe', '--run', live, '--threads', '1', ...args], options);

beforeAll(async () => {
  const causal = ['--set', 'model.bidirectional=false', '--normalization', 'running'];
  const sturdy = ['--set', 'noise.probability=0.5', '--set', 'join.recordings=2', '--set', 'join.pause=1'];
  // Validated once only: the best of some that make no mistake would be the first.
  const steps = ['--max-steps', '300', '--set', 'validationSteps=300'];
  const trained = await train(live, ...steps, ...causal, ...sturdy);
  expect(lastObject(trained)).toMatchObject({ evaluation: { validation: { wer: 0 } } });
  expect((await train(waiting, ...steps, ...sturdy)).code).toBe(0);
}, 240_000);

/** A new folder with these files in it. */
let folders = 0;
function folderOf(files: Record<string, Uint8Array | string>): string {
  const path = join(folder, `folder-${folders++}`);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

const song = (index: number): string => join(songs, `train-${index}.wav`);
const lines = ({ stdout }: CommandResult): string[] => stdout.split('\n').slice(0, -1);
const silence = (seconds: number): Float32Array =>
  new Float32Array(Math.round(seconds * RATE)).map((_, n) => 0.003 * Math.sin(n * n));

/** Songs with pauses of a second around them. */
function concert(texts: readonly string[]): Float32Array {
  const parts = [silence(1), ...texts.flatMap((text, index) => [sing(text, new Random(index)), silence(1)])];
  return Float32Array.from(parts.flatMap((part) => Array.from(part)));
}

describe('transcribe files', () => {
  it('writes the text of one alone, and of a folder’s in order behind their names, and what it took to standard error', async () => {
    const one = await transcribe([song(1)]);
    expect(one).toMatchObject({ code: 0, stdout: 're mi\n' });
    expect(one.stderr).toMatch(/\n1 transcribed; 0\.6 s of sound in \d+\.\d\d s \(real-time factor 0\.\d+\)\n$/);
    const deep = folderOf({
      'b.wav': readFileSync(song(0)),
      'a/c.WAV': readFileSync(song(1)),
      'a/notes.txt': 'no sound',
    });
    const all = await transcribe([deep, song(2), '--json']);
    expect(lines(all).slice(0, -1)).toEqual([
      `${join(deep, 'a/c.WAV')}\tre mi`,
      `${join(deep, 'b.wav')}\tdo`,
      `${song(2)}\tfa`,
    ]);
    expect(lastObject(all)).toMatchObject({
      ...{ recordings: 3, failed: 0, utterances: 3, words: 4, run: live, step: 300 },
      real_time_factor: expect.any(Number),
    });
  });

  it('does the others where some cannot be read, says of each why on a line, and ends with exit code 1', async () => {
    const good = readFileSync(song(0));
    const manifest = join(songs, 'mixed.jsonl');
    const entry = (path: string, more = {}) => JSON.stringify({ audio_filepath: path, ...more });
    writeFileSync(
      manifest,
      [entry('train-3.wav'), '{"audio_filepath": 3}', entry('train-1.wav', { offset: 9 })].join('\n'),
    );
    const broken = folderOf({ 'a.wav': good, 'b.wav': good.subarray(0, 300), 'c.wav': 'RIFF?', 'd.wav': good });
    const result = await transcribe([broken, join(folder, 'nowhere.wav'), manifest, song(4), '--json', '--quiet']);
    expect(result.code).toBe(1);
    expect(
      lines(result)
        .slice(0, -1)
        .map((line) => basename(line)),
    ).toEqual(['a.wav\tdo', 'd.wav\tdo', 'train-3.wav\tmi do', 'train-4.wav\tre']);
    expect(lastObject(result)).toMatchObject({ recordings: 4, failed: 5 });
    const said = result.stderr.trimEnd().split('\n');
    expect(said).toHaveLength(5);
    expect(said.every((line) => /^error: Expected .*, got /.test(line))).toBe(true);
    for (const name of ['b.wav', 'c.wav', 'nowhere.wav', 'line 2 of', 'train-1.wav'])
      expect(result.stderr).toContain(name);
  });

  it('ends with exit code 2 where nothing can be read', async () => {
    const result = await transcribe([join(folder, 'nowhere.wav'), folderOf({ 'notes.txt': '' })]);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(/error: Expected a (?:WAV|sound) file at .*nowhere\.wav, got nothing there\n/);
    expect(result.stderr).toMatch(/error: Expected sound files \(.*\) in the folder, got none: /);
  });

  it('hears odd recordings without a fall: empty, of one sample, silent, of 24 channels, of other rates', async () => {
    const sound = sing('re mi', new Random(1), 16_000);
    const odd = folderOf({
      'channels.wav': encodeWav(
        Array.from({ length: 24 }, () => sing('do')),
        { sampleRate: RATE },
      ),
      'empty.wav': encodeWav(new Float32Array(0), { sampleRate: RATE }),
      'faster.wav': encodeWav(sound, { sampleRate: 16_000 }),
      'faster2.wav': encodeWav(sound, { sampleRate: 16_000 }),
      'sample.wav': encodeWav(Float32Array.of(0.5), { sampleRate: RATE }),
      'silence.wav': encodeWav(new Float32Array(40 * RATE), { sampleRate: RATE }),
      'nan.wav': notNumbers(),
    });
    const result = await transcribe([odd]);
    expect(result.code).toBe(1);
    expect(Object.fromEntries(lines(result).map((line) => line.slice(odd.length + 1).split('\t')))).toEqual({
      ...{ 'channels.wav': 'do', 'empty.wav': '', 'faster.wav': 're mi', 'faster2.wav': 're mi' },
      ...{ 'sample.wav': '', 'silence.wav': '' },
    });
    expect(result.stderr.match(/16000 Hz becomes 8000 Hz/g)).toHaveLength(1);
    expect(result.stderr.match(/^shorter than a frame: .*$/gm)).toEqual(
      ['empty.wav', 'sample.wav'].map((name) => `shorter than a frame: ${join(odd, name)}`),
    );
    expect(result.stderr).toMatch(/error: Expected finite samples in .*nan\.wav, got NaN at frame 7 of channel 0\n/);
  });

  it('cuts a long recording at its silences, and knows the times in the whole', async () => {
    const texts = ['do fa re', 're mi', 'mi do'];
    const long = join(folderOf({ 'long.wav': encodeWav(concert(texts), { sampleRate: RATE }) }), 'long.wav');
    const { id, text, seconds, utterances } = JSON.parse(
      (await transcribe([long, '--format', 'json', '--max-seconds', '4'])).stdout,
    );
    expect({ id, text }).toEqual({ id: long, text: texts.join(' ') });
    expect(seconds).toBeCloseTo(concert(texts).length / RATE, 3);
    expect(utterances.map((utterance: { text: string }) => utterance.text)).toEqual(texts);
    // The first song begins after a second, and its first word 0.1 s later; the second song 1.85 s after the first.
    expect(utterances[0].words[0].start).toBeGreaterThan(1.05);
    expect(utterances[0].words[0].start).toBeLessThan(1.35);
    expect(utterances[1].words[0].start - utterances[0].words[0].start).toBeGreaterThan(1.6);
    expect(utterances[1].words[0].start - utterances[0].words[0].start).toBeLessThan(2.1);
  });

  it('writes words, hypotheses and subtitles, to standard output or a file for each', async () => {
    const words = lines(await transcribe([song(1), '--words'])).map((line) => line.split('\t'));
    expect(words.map((row) => row[3])).toEqual(['re', 'mi']);
    for (const [start, end, confidence] of words.map((row) => row.map(Number))) {
      expect(start).toBeLessThan(end);
      expect(confidence).toBeLessThanOrEqual(1);
    }
    const best = lines(await transcribe([song(1), '--n-best', '3'])).map((line) => line.split('\t'));
    expect(best.length).toBeGreaterThan(1);
    expect(best[0].slice(0, 2)).toEqual(['0', 're mi']);
    expect(Number(best[0][2])).toBeGreaterThanOrEqual(Number(best[1][2]));
    const subtitles = await transcribe([song(1), '--format', 'srt', '--quiet']);
    expect(subtitles.stdout).toMatch(/^1\n00:00:00,\d{3} --> 00:00:00,\d{3}\nre mi\n\n$/);
    const out = join(folder, 'out');
    const result = await transcribe([songs, '--format', 'vtt', '--output', out]);
    expect(result).toMatchObject({ code: 0, stdout: '' });
    expect(readdirSync(out)).toHaveLength(40);
    expect(readFileSync(join(out, 'train-1.vtt'), 'utf8')).toMatch(/^WEBVTT\n\n1\n00:00:00\.\d{3} --> .*\nre mi\n\n$/);
  });

  it('finds hot words, and is told how to search', async () => {
    expect((await transcribe([song(1), '--hot-word', 'fa:200'])).stdout).toMatch(/fa/);
    expect((await transcribe([song(1), '--greedy'])).stdout).toBe('re mi\n');
    expect((await transcribe([song(1), '--beam', '2'])).stdout).toBe('re mi\n');
  });
});

/** A float file whose eighth sample is no number. */
function notNumbers(): Uint8Array {
  const bytes = encodeWav(new Float32Array(100), { sampleRate: RATE, format: 'float32' });
  new DataView(bytes.buffer).setFloat32(bytes.length - 4 * 93, NaN, true);
  return bytes;
}

describe('transcribe standard input', () => {
  const texts = ['do fa re', 're mi'];
  const wav = Buffer.from(encodeWav(concert(texts), { sampleRate: RATE }));

  it('writes each utterance when a pause has ended it, and what it hears so far to standard error', async () => {
    let heard = '';
    const result = await transcribe(['-', '--json'], {
      keepOpen: true,
      onStart: (child) => {
        child.stdout!.on('data', (text) => (heard += String(text)));
        // The second song comes when the first was written down: so nothing waits for the end.
        const second = wav.length - Math.round(2 * 1.6 * RATE);
        child.stdin!.write(wav.subarray(0, second));
        void until(() => heard.includes('\n')).then(() => child.stdin!.end(wav.subarray(second)));
      },
    });
    expect(lines(result).slice(0, -1)).toEqual(texts);
    expect(lastObject(result)).toMatchObject({ recordings: 1, failed: 0, utterances: 2, words: 5 });
    expect(result.stderr).toMatch(/\n\.\.\. do/);
    expect(result.code).toBe(0);
  });

  it('serves a model that waits for the end, utterance by utterance', async () => {
    const result = await cadenzaSpeech(['transcribe', '--run', waiting, '--format', 'vtt', '--threads', '1'], {
      input: wav,
    });
    expect(result.stdout).toMatch(
      /^WEBVTT\n\n1\n00:00:01\.\d+ --> 00:00:0\d\.\d+\ndo fa re\n\n2\n00:00:0\d\.\d+ --> .*\nre mi\n\n$/,
    );
    expect(result.stderr).not.toContain('...');
  });

  it('takes raw samples of another rate and several channels', async () => {
    const sound = sing('re mi', new Random(1), 16_000);
    const raw = Buffer.alloc(4 * 2 * sound.length);
    sound.forEach((value, n) => [0, 4].forEach((channel) => raw.writeFloatLE(value, 8 * n + channel)));
    const result = await transcribe(['--raw', 'f32le', '--rate', '16000', '--channels', '2'], { input: raw });
    expect(result).toMatchObject({ code: 0, stdout: 're mi\n' });
    expect(result.stderr).toMatch(/16000 Hz becomes 8000 Hz: standard input/);
  });

  it('transcribes what came before the sound breaks off, and says where it did', async () => {
    const cut = await transcribe(['--json'], { input: wav.subarray(0, wav.length - 2000) });
    expect(lines(cut).slice(0, -1)).toEqual(texts);
    expect(lastObject(cut)).toMatchObject({ recordings: 0, failed: 1 });
    expect(cut.stderr).toMatch(/error: Expected standard input to have .*\n$/);
    expect(cut.code).toBe(2);
    const none = await transcribe([], { input: 'OggS, which is no WAV' });
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toMatch(/error: .* got "OggS"; samples without a header need --raw\n$/);
    const nothing = await transcribe(['--raw', 's16le', '--json'], { input: '' });
    expect(lastObject(nothing)).toMatchObject({ utterances: 0, audio_seconds: 0, real_time_factor: null });
  });

  it('writes down what it has heard at Ctrl-C, with exit code 130', async () => {
    const result = await transcribe(['--json'], {
      keepOpen: true,
      onStart: (child) => {
        let said = '';
        child.stderr!.on('data', (text) => (said += String(text)));
        child.stdin!.write(wav.subarray(0, 44 + 2 * Math.round(1.8 * RATE))); // within the first song
        void until(() => said.includes('... ')).then(() => child.kill('SIGINT'));
      },
    });
    expect(result.code).toBe(130);
    expect(lines(result)[0]).toMatch(/^do/);
    expect(lastObject(result)).toMatchObject({ utterances: 1 });
  });
});

describe('transcribe refuses, with one line and exit code 2:', () => {
  it.each([
    [['a.wav', '--greedy', '--hot-word', 'do'], /Expected no --hot-word with --greedy/],
    [['a.wav', '--hot-word', 'xylophon'], /Expected hot words that the model knows, got "xylophon"/],
    [['a.wav', '--run', 'nowhere'], /Expected .*nowhere/],
    [[song(0), '--output', song(1)], /Expected --output to be a folder that can be written, got a file: /],
    [[song(0), song(1), '--format', 'srt'], /Expected --output with --format srt for 2 recordings, got none/],
  ])('%j', async (args, message) => {
    const { code, stderr, stdout } = await transcribe([...args, '--quiet']);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(message)]);
    expect([stdout, code]).toEqual(['', 2]);
  });
});
