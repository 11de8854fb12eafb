import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeSphinxFeatures, encodeWav, featureMatrix } from '@cadenza/audio';
import { Random } from '@cadenza/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { RATE, sing, tenTexts, writeSongs } from '../tests/tones.js';
import { cadenzaSpeech, lastObject, scratchFolder, type CommandResult } from './command.js';

const folder = scratchFolder();
const run = join(folder, 'run');
const songs = join(folder, 'songs');
writeSongs(songs);
writeSongs(songs, tenTexts, 'validation');
const test = writeSongs(songs, ['fa do', 're', 'mi mi re'], 'test');
const quick = ['--preset', 'tiny', '--max-steps', '160', '--set', 'decoding.languageModel=word', '--threads', '1'];
let trained: CommandResult;

interface Scores {
  wer: number;
  cer: number;
  accuracy: number;
  utterances: number;
}

/** Writes sounds and their manifest, each with a text and without a speaker, into a folder; gives the manifest's path. */
function writeRecordings(
  path: string,
  sounds: Record<string, Float32Array>,
  sampleRate = RATE,
  texts: Record<string, string> = {},
): string {
  mkdirSync(path, { recursive: true });
  const lines = Object.entries(sounds).map(([name, samples]) => {
    writeFileSync(join(path, name), encodeWav(samples, { sampleRate, format: 'float32' }));
    return `${JSON.stringify({ audio_filepath: name, text: texts[name] ?? 're mi' })}\n`;
  });
  const manifest = join(path, 'm.jsonl');
  writeFileSync(manifest, lines.join(''));
  return manifest;
}

beforeAll(async () => {
  trained = await cadenzaSpeech(['train', '--run', run, '--json', '--data', songs, ...quick]);
  expect(trained.stderr).not.toContain('error');
  expect(trained.code).toBe(0);
});

describe('train', () => {
  it('ends with the object that scripts rely on, and writes nothing else to standard output', () => {
    expect(trained.stdout.trimEnd().split('\n')).toHaveLength(1);
    const result = lastObject(trained);
    expect(result).toMatchObject({ run, steps: 160, precision: 'f32', evaluation: { validation: { wer: 0 } } });
    const names = [
      'run',
      'steps',
      'epochs',
      'seconds',
      'tokens_per_second',
      'best',
      'backend',
      'precision',
      'parameters',
    ];
    expect(Object.keys(result)).toEqual(expect.arrayContaining(names));
  });

  it('tells people about the data, its progress and what it hears on standard error', () => {
    expect(trained.stderr).toMatch(
      /10 recordings \(0\.1 minutes, 5 speakers\) to learn from, 10 to validate on; 9 symbols, 3-gram model of 4 words/,
    );
    expect(trained.stderr).toMatch(/step 50: validation WER \d+\.\d %, .* nats a recording, the best so far/);
    expect(trained.stderr).toMatch(/said {2}\w.*\n {4}heard/);
    expect(trained.stderr).toMatch(/part +WER +CER .*\nvalidation +0\.00 %/);
    expect(trained.stderr).toMatch(/language model: weight [\d.]+, word bonus -?\d/);
  });

  it('leaves a run folder with everything in it', () => {
    const names = readdirSync(run);
    const wanted = [
      'checkpoints',
      'config.json',
      'metrics.jsonl',
      'report.html',
      'vocabulary.json',
      'language.arpa',
      'decoding.json',
    ];
    expect(names).toEqual(expect.arrayContaining(wanted));
    expect(names).not.toContain('run.lock');
    const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ data: { trained: 10, validated: 10, speakers: 5 } });
    expect(readFileSync(join(run, 'report.html'), 'utf8')).not.toMatch(/(src|href)="https?:/);
  });

  it('leaves a speaker out, holds recordings out where no others are named, and resumes', async () => {
    const manifest = writeSongs(join(folder, 'alone'));
    const other = join(folder, 'other');
    const options = ['--run', other, '--json', '--quiet', '--threads', '1'];
    const short = ['--data', manifest, '--preset', 'tiny', '--without-speaker', 'singer-2', '--max-steps', '4'];
    expect(lastObject(await cadenzaSpeech(['train', ...options, ...short]))).toMatchObject({ steps: 4 });
    const { data } = JSON.parse(readFileSync(join(other, 'config.json'), 'utf8'));
    expect(data).toMatchObject({ trained: 7, validated: 1 });
    const longer = ['--resume', '--max-steps', '6', '--set', 'schedule.steps=6'];
    expect(lastObject(await cadenzaSpeech(['train', ...options, ...longer]))).toMatchObject({ steps: 6 });
  });
});

describe('recordings that are not as they should be', () => {
  const said = /^16000 Hz becomes 8000 Hz: a\.wav, and what else has this rate$/gm;

  it('of another rate are resampled by every verb, which is said once', async () => {
    const fast = sing('re mi', new Random(1), 16_000);
    const manifest = writeRecordings(join(folder, 'fast'), { 'a.wav': fast, 'b.wav': fast, 'c.wav': fast }, 16_000);
    const other = ['--run', join(folder, 'fast-run'), '--preset', 'tiny', '--max-steps', '1'];
    for (const call of [
      ['train', ...other, '--data', manifest, '--validation', manifest],
      ['evaluate', '--run', run, '--manifest', manifest],
      ['inspect', '--run', run, '--manifest', manifest, '--output', join(folder, 'fast.html')],
    ]) {
      const { stderr, code } = await cadenzaSpeech([...call, '--threads', '1']);
      expect([code, stderr.match(said)?.length]).toEqual([0, 1]);
    }
  });

  it('are left out of training where they cannot be read or aligned, which is said and counted', async () => {
    const song = sing('re mi');
    const sounds = { 'a.wav': song, 'bad.wav': song, 'c.wav': song };
    const crowded = { 'c.wav': 're mi '.repeat(20).trim() };
    const manifest = writeRecordings(join(folder, 'odd'), sounds, RATE, crowded);
    writeFileSync(join(folder, 'odd', 'bad.wav'), 'RIFF?');
    const other = join(folder, 'odd-run');
    const options = ['--run', other, '--preset', 'tiny', '--max-steps', '1', '--validation', test, '--threads', '1'];
    const result = await cadenzaSpeech(['train', '--data', manifest, ...options]);
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(/^error: Expected .*bad\.wav .*, got a file of 5 bytes$/m);
    expect(result.stderr).toContain(
      '1 recording (0.0 minutes) to learn from (dropped: 1 that cannot be read, 1 too short for their texts), 3 to validate',
    );
    const { data } = JSON.parse(readFileSync(join(other, 'config.json'), 'utf8'));
    const dropped = { unreadable: 1, empty: 0, tooLong: 0, tooShort: 1 };
    expect(data).toMatchObject({ trained: 1, speakers: 0, dropped });
  });
});

describe('inspect of a long recording', () => {
  it('shows its utterances one by one, as transcribe cuts it, and says where it shows the first of many', async () => {
    const songs = Array.from({ length: 33 }, (_, index) => sing(['do re mi', 'fa do'][index % 2], new Random(index)));
    const pause = new Float32Array(0.8 * RATE);
    const samples = Float32Array.from(songs.flatMap((song) => [...pause, ...song]));
    const path = join(folder, 'long.wav');
    writeFileSync(path, encodeWav(samples, { sampleRate: RATE }));
    const page = join(folder, 'long.html');
    const options = ['--run', run, '--threads', '1', '--json'];
    const shown = await cadenzaSpeech(['inspect', ...options, '--output', page, path]);
    expect(lastObject(shown)).toMatchObject({ recordings: 1, views: 30 });
    expect(shown.stderr).toContain('long.wav: the first 30 of 33 utterances are shown');
    const silent = join(folder, 'silent.wav');
    writeFileSync(silent, encodeWav(new Float32Array(25 * RATE), { sampleRate: RATE }));
    const both = await cadenzaSpeech(['inspect', ...options, '--output', join(folder, 'both.html'), silent, path]);
    expect(lastObject(both)).toMatchObject({ recordings: 2, views: 30 });
    expect(readFileSync(join(folder, 'both.html'), 'utf8')).toContain('silent.wav, 0.0 to 20.0 s');
    const transcribed = await cadenzaSpeech(['transcribe', '--run', run, '--threads', '1', '--format', 'json', path]);
    const { start, end } = JSON.parse(transcribed.stdout.split('\n')[0]).utterances[1];
    expect(readFileSync(page, 'utf8')).toContain(`long.wav, ${start.toFixed(1)} to ${end.toFixed(1)} s`);
  });
});

describe('inspect of files of which one cannot be read', () => {
  it('shows the others, tells of it and ends with exit code 1, or 2 where none is left', async () => {
    const [page, nowhere] = ['some.html', 'nowhere.wav'].map((name) => join(folder, name));
    const inspect = ['inspect', '--run', run, '--threads', '1', '--json', '--output', page, nowhere];
    const some = await cadenzaSpeech([...inspect, join(songs, 'train-0.wav')]);
    expect(some.stderr).toMatch(/^error: Expected a sound file at .*nowhere\.wav, got nothing there$/m);
    expect(lastObject(some)).toMatchObject({ path: page, recordings: 1, failed: 1 });
    expect([some.code, readFileSync(page, 'utf8').includes('train-0.wav')]).toEqual([1, true]);
    const none = await cadenzaSpeech(inspect);
    expect([none.code, none.stdout]).toEqual([2, '']);
    expect(none.stderr).toMatch(/error: Expected a recording that can be read, got none of 1\n$/);
  });
});

describe('a run with recordings of its own to validate on', () => {
  it('goes on with them, measures them, and knows of no language model where there is none', async () => {
    const other = join(folder, 'validated');
    const options = ['--run', other, '--json', '--threads', '1'];
    const data = ['--data', join(songs, 'train.jsonl')];
    const more = ['--validation', test, '--preset', 'tiny', '--max-steps', '4', '--set', 'schedule.steps=6'];
    const first = await cadenzaSpeech(['train', ...options, ...data, ...more]);
    expect(first.stderr).toMatch(/10 recordings .* to learn from, 3 to validate on/);
    expect(first.stderr).toMatch(/\nword bonus -?\d\n/);
    expect(first.stderr).not.toContain('language model');
    const resumed = await cadenzaSpeech(['train', ...options, '--quiet', ...data, '--resume', '--max-steps', '6']);
    expect(lastObject(resumed)).toMatchObject({ steps: 6 });
    for (const part of [['--part', 'validation'], []]) {
      const measured = await cadenzaSpeech(['evaluate', ...options, ...part]);
      expect(lastObject(measured)).toMatchObject({ utterances: 3, words: 6, part: 'validation' });
      expect(measured.stderr.includes('no test part is known')).toBe(part.length === 0);
    }
  });
});

describe('a run on cepstra of Sphinx', () => {
  it('inspects files of them as transcribe hears them', async () => {
    const other = join(folder, 'sphinx');
    const settings = ['--features', 'sphinx', '--set', 'features.cepstra=13', '--max-steps', '2', '--quiet'];
    const data = ['--data', songs, '--preset', 'tiny', '--threads', '1'];
    expect((await cadenzaSpeech(['train', '--run', other, ...data, ...settings])).code).toBe(0);
    const path = join(folder, 'song.mfc');
    const values = Float32Array.from({ length: 13 * 40 }, (_, n) => Math.sin(n));
    writeFileSync(path, encodeSphinxFeatures(featureMatrix(values, 13)));
    const page = join(folder, 'page.html');
    const shown = await cadenzaSpeech(['inspect', '--run', other, '--output', page, '--json', path]);
    expect(lastObject(shown)).toMatchObject({ path: page, recordings: 1 });
    expect(readFileSync(page, 'utf8')).toContain('song.mfc');
  });
});

describe('a run by the speaker', () => {
  it('knows how voices differ, and hears recordings of nobody named by who seems to speak', async () => {
    const words = ['do', 're', 'mi', 'fa'];
    const many = Array.from({ length: 40 }, (_, index) => words[index % 4]);
    const manifest = writeSongs(join(folder, 'labels'), many);
    const unnamed = join(folder, 'labels', 'unnamed.jsonl');
    const lines = readFileSync(manifest, 'utf8').replaceAll(/,"speaker":"[^"]*"/g, '');
    writeFileSync(unnamed, lines);
    const other = join(folder, 'by-speaker');
    const quiet = ['--json', '--quiet', '--threads', '1'];
    const learned = ['--preset', 'tiny', '--task', 'classify', '--unit', 'word', '--normalization', 'speaker'];
    const settings = ['features.cepstra=3', 'text.unit=word', 'decoding.languageModel=none'];
    const options = [...learned, ...settings.flatMap((setting) => ['--set', setting]), '--max-steps', '60'];
    const result = await cadenzaSpeech(['train', '--run', other, '--data', manifest, ...quiet, ...options]);
    expect(result.stderr).toBe('');
    expect(readdirSync(other)).toContain('voices.json');
    const measured = await cadenzaSpeech(['evaluate', '--run', other, '--manifest', unnamed, ...quiet]);
    const { utterances, accuracy } = lastObject<Scores>(measured);
    expect(utterances).toBe(40);
    expect(accuracy).toBeGreaterThan(0.8);
    writeFileSync(join(other, 'voices.json'), '{"usual":{"count":-1}}');
    const broken = await cadenzaSpeech(['evaluate', '--run', other, '--manifest', unnamed, ...quiet]);
    expect(broken.code).toBe(2);
    expect(broken.stderr).toMatch(/^error: Expected normalisation statistics to be a count, sums and squares, got /);
  });
});

describe('several runs', () => {
  it('hear together, from files but not from standard input', async () => {
    const both = ['--run', `${run},${run}`, '--threads', '1'];
    const measured = await cadenzaSpeech(['evaluate', ...both, '--manifest', join(songs, 'train.jsonl'), '--json']);
    expect(lastObject(measured)).toMatchObject({ wer: 0, words: 17, run });
    expect(measured.stderr.split('\n').filter((line) => line.startsWith(`${run}, step `))).toHaveLength(2);
    const refused = await cadenzaSpeech(['transcribe', ...both, '-']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/error: Expected one --run for sound from standard input, got 2/);
    for (const verb of [['evaluate'], ['transcribe', join(songs, 'train-0.wav')]]) {
      const greedy = await cadenzaSpeech([...verb, ...both, '--greedy']);
      expect(greedy.code).toBe(2);
      expect(greedy.stderr).toMatch(/error: Expected decoding by beam for runs that hear together, got greedy for 2/);
    }
  });
});

describe('evaluate', () => {
  it('measures a manifest, with the object that scripts rely on', async () => {
    const result = lastObject<Scores>(
      await cadenzaSpeech(['evaluate', '--run', run, '--manifest', test, '--json', '--quiet']),
    );
    const names = [
      'wer',
      'cer',
      'utterances',
      'words',
      'substitutions',
      'deletions',
      'insertions',
      'accuracy',
      'real_time_factor',
    ];
    expect(Object.keys(result)).toEqual(expect.arrayContaining(names));
    expect(result).toMatchObject({ utterances: 3, words: 6 });
    expect(result.wer).toBeLessThanOrEqual(1);
    const learned = ['evaluate', '--run', run, '--manifest', join(songs, 'train.jsonl'), '--json', '--quiet'];
    expect(lastObject(await cadenzaSpeech(learned))).toMatchObject({ wer: 0, cer: 0, accuracy: 1, words: 17 });
  });

  it('measures the test part of the run’s data, shows a table, and writes the alignment of each error', async () => {
    const details = join(folder, 'details.txt');
    // A reference that nobody says makes sure that there is an error.
    const wrong = join(songs, 'wrong.jsonl');
    const [first, ...others] = readFileSync(test, 'utf8').trimEnd().split('\n');
    writeFileSync(wrong, [first.replace('fa do', 'fa ti'), ...others].join('\n'));
    const plain = await cadenzaSpeech(['evaluate', '--run', run]);
    expect(plain.stdout).toMatch(/part +WER +CER +right .*\ntest +\d/);
    const shown = await cadenzaSpeech(['evaluate', '--run', run, '--manifest', wrong, '--details', details]);
    expect(shown.stderr).toMatch(/said +heard +times\n/);
    expect(readFileSync(details, 'utf8')).toMatch(/id: \(test-0\.wav\) speaker: singer-0\nScores: .*\nREF: .*TI/);
  });

  it('measures one speaker, by the likeliest symbols alone', async () => {
    const result = await cadenzaSpeech([
      'evaluate',
      '--run',
      run,
      '--part',
      'train',
      '--speaker',
      'singer-1',
      '--greedy',
      '--json',
      '--quiet',
    ]);
    expect(lastObject(result)).toMatchObject({ utterances: 2, accuracy: expect.any(Number) });
  });

  it('goes on where a recording cannot be read, tells of it, and ends with exit code 1', async () => {
    mkdirSync(join(folder, 'broken'), { recursive: true });
    const manifest = join(folder, 'broken', 'm.jsonl');
    const good = JSON.parse(readFileSync(test, 'utf8').split('\n')[0]);
    const entries = [
      { ...good, audio_filepath: join(songs, good.audio_filepath) },
      { audio_filepath: 'nowhere.wav', text: 'do' },
      { ...good, audio_filepath: join(songs, good.audio_filepath), text: 'fa do' },
    ];
    writeFileSync(manifest, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    const result = await cadenzaSpeech(['evaluate', '--run', run, '--manifest', manifest, '--json']);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^error: Expected a sound file at .*nowhere\.wav, got nothing there$/m);
    expect(lastObject(result)).toMatchObject({ utterances: 2, failed: 1 });
  });

  it('cuts long recordings as transcribe does', async () => {
    const pause = new Float32Array(4 * RATE);
    const parts = tenTexts.slice(0, 5).flatMap((text, index) => [pause, sing(text, new Random(index))]);
    const long = Float32Array.from(parts.flatMap((part) => Array.from(part)));
    expect(long.length / RATE).toBeGreaterThan(20);
    const written = writeRecordings(join(folder, 'long'), { 'long.wav': long });
    const transcribed = await cadenzaSpeech(['transcribe', '--run', run, written, '--format', 'json', '--quiet']);
    const { text, utterances } = JSON.parse(transcribed.stdout) as { text: string; utterances: unknown[] };
    expect(utterances).toHaveLength(5);
    const manifest = writeRecordings(join(folder, 'long'), { 'long.wav': long }, RATE, { 'long.wav': text });
    const measured = await cadenzaSpeech(['evaluate', '--run', run, '--manifest', manifest, '--json', '--quiet']);
    expect(lastObject(measured)).toMatchObject({ wer: 0, cer: 0, utterances: 1, audio_seconds: long.length / RATE });
  });

  it('takes no time for sound of no length', async () => {
    const manifest = writeRecordings(join(folder, 'none'), { 'none.wav': new Float32Array(0) });
    const result = await cadenzaSpeech(['evaluate', '--run', run, '--manifest', manifest, '--json']);
    expect(lastObject(result)).toMatchObject({ utterances: 1, audio_seconds: 0, real_time_factor: 0 });
  });
});

describe('bad input', () => {
  const call = (...args: string[]) => cadenzaSpeech(args);
  const fails = async (args: string[], message: RegExp): Promise<void> => {
    const { code, stderr, stdout } = await call(...args);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
    expect(code).toBe(2);
  };

  it('gets one clear line and exit code 2, and no run folder', async () => {
    const fresh = join(folder, 'never');
    const bad = join(folder, 'bad.jsonl');
    writeFileSync(bad, '{"audio_filepath":"a.wav","text":"x"}\n{"text":"x"}\n');
    await fails(
      ['train', '--run', fresh, '--data', bad],
      /error: Expected line 2 of .*bad\.jsonl to be an object with audio_filepath/,
    );
    await fails(['train', '--run', fresh, '--data', join(folder, 'nowhere')], /error: Expected .*nowhere/);
    await fails(['train', '--run', fresh, '--data', songs, '--set', 'model.hidden=3'], /error: .*hiddenSize/);
    await fails(
      ['train', '--run', fresh, '--data', songs, '--without-speaker', 'nobody'],
      /error: Expected data\.withoutSpeakers/,
    );
    await fails(
      ['train', '--run', fresh, '--validation', test],
      /error: Expected --data beside --validation, got none/,
    );
    await fails(['evaluate', '--run', fresh], /error: Expected --run to be a run folder/);
    await fails(['evaluate', '--run', run, '--manifest', bad], /error: Expected line 2 of/);
    await fails(
      ['evaluate', '--run', run, '--part', 'test', '--speaker', 'nobody'],
      /error: Expected recordings to measure on, got none of nobody in the test part of .*songs; name others by/,
    );
    await fails(
      ['evaluate', '--run', run, '--data', test],
      /error: Expected recordings to measure on, got none in the test part of .*test\.jsonl; name .* or --part/,
    );
    await fails(
      ['train', '--run', fresh, '--data', songs, '--validation', songs],
      /error: Expected a manifest at .*songs, got a folder/,
    );
    expect(existsSync(join(fresh, 'config.json'))).toBe(false);
  });

  it('is refused by inspect before it opens a run', async () => {
    const inspect = ['inspect', '--run', join(folder, 'never'), join(songs, 'train-0.wav')];
    await fails([...inspect, '--manifest', test], /error: Expected no --manifest with files, all of which are shown/);
    await fails([...inspect, '--recordings', '2'], /error: Expected no --recordings with files/);
  });

  it('is refused by inspect as a place for its page before recordings are read', async () => {
    const inspect = ['inspect', '--run', run, '--manifest', join(folder, 'never.jsonl'), '--output'];
    await fails(
      [...inspect, songs],
      /error: Expected --output to be a file that can be written, got a folder: .*songs$/m,
    );
    await fails(
      [...inspect, join(folder, 'never', 'x.html')],
      /error: Expected --output .* a folder that is not there/,
    );
  });

  it('is refused by evaluate before it opens a run', async () => {
    const evaluate = ['evaluate', '--run', join(folder, 'never')];
    await fails([...evaluate, '--greedy', '--beam', '4'], /error: Expected no --beam with --greedy/);
    await fails([...evaluate, '--manifest', test, '--part', 'train'], /error: Expected no --part with --manifest/);
    await fails([...evaluate, '--manifest', test, '--data', songs], /error: Expected no --data with --manifest/);
    await fails(
      [...evaluate, '--details', join(folder, 'nowhere', 'details.txt')],
      /error: Expected --details to be a file that can be written, got one in a folder that is not there: /,
    );
    await fails([...evaluate, '--details', folder], /error: Expected --details to be .*, got a folder: /);
  });
});
