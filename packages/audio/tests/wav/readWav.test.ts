import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import wavefile from 'wavefile';
import { describe, expect, test } from 'vitest';
import { decodeWav, encodeWav, mixChannels, readWav } from '../../src/index.js';

interface GoldenFile {
  name: string;
  bytes: string;
  frames: number;
  samples: number[][];
}
const golden: GoldenFile[] = JSON.parse(readFileSync(new URL('../golden/wavFiles.json', import.meta.url), 'utf8'));
const signal = Array.from({ length: 101 }, (_, index) => Math.sin(index / 5) * (0.2 + index / 130));

describe('files of libsndfile', () => {
  test.each(golden)('$name reads as libsndfile reads it', ({ bytes, frames, samples }) => {
    const clip = decodeWav(Buffer.from(bytes, 'base64'));
    expect(clip.channels).toBe(samples.length);
    expect(clip.sampleRate).toBe(8000);
    expect(clip.samples[0]).toHaveLength(frames);
    for (const [channel, values] of samples.entries()) {
      for (const [index, value] of values.entries()) {
        // float32 holds seven digits, and the golden file as many
        expect(clip.samples[channel][index * 7]).toBeCloseTo(value, 6);
      }
    }
  });

  test('the fact chunk of IMA ADPCM cuts the padding of the last block off, where it counts sensibly', () => {
    const { bytes, frames } = golden.find(({ name }) => name === 'WAV IMA_ADPCM FILE 1')!;
    const file = new Uint8Array(Buffer.from(bytes, 'base64'));
    const fact = Buffer.from(file).indexOf('fact') + 8;
    const length = (counted: number): number => {
      new DataView(file.buffer).setUint32(fact, counted, true);
      return decodeWav(file).samples[0].length;
    };
    expect([700, 3, 5000].map(length)).toEqual([700, frames, frames]);
  });

  test('a fact chunk that counts the frames divided by the channels cuts nothing off', () => {
    const { bytes } = golden.find(({ name }) => name === 'WAV IMA_ADPCM FILE 2')!;
    const whole = Buffer.from(bytes, 'base64');
    const block = 512;
    const file = whole.subarray(0, whole.length - block); // one block of the two
    file.writeUInt32LE(file.length - 8, 4);
    file.writeUInt32LE(block, file.indexOf('data') + 4);
    const frames = 505;
    file.writeUInt32LE(Math.floor(frames / 2), file.indexOf('fact') + 8);
    expect(decodeWav(file).samples.map(({ length }) => length)).toEqual([frames, frames]);
  });
});

describe('files of wavefile', () => {
  const full: Record<string, number> = { '8': 128, '16': 32768, '24': 8388608, '32': 2147483648, '32f': 1, '64': 1 };
  test.each(Object.keys(full).flatMap((depth) => ['RIFF', 'RIFX'].map((container) => ({ depth, container }))))(
    '$depth bits in $container read as wavefile reads them',
    ({ depth, container }) => {
      const file = new wavefile.WaveFile();
      const scale = full[depth];
      const stored = signal.map((value) =>
        scale === 1 ? value : Math.trunc(value * (scale - 1)) + +(depth === '8') * 128,
      );
      file.fromScratch(2, 16000, depth, [stored, stored.map((_, index) => stored[100 - index])], { container });
      const bytes = file.toBuffer();
      const reread = new wavefile.WaveFile(bytes).getSamples(false) as unknown as Float64Array[];
      const clip = decodeWav(bytes);
      expect(clip).toMatchObject({ channels: 2, sampleRate: 16000, duration: 101 / 16000 });
      for (const channel of [0, 1]) {
        const wanted = Float32Array.from(reread[channel], (value) => (depth === '8' ? value - 128 : value) / scale);
        expect(clip.samples[channel]).toEqual(wanted);
      }
    },
  );

  test.each(['ALaw', 'MuLaw'] as const)('%s reads as wavefile expands it', (law) => {
    const file = new wavefile.WaveFile();
    file.fromScratch(
      1,
      8000,
      '16',
      signal.map((value) => Math.round(value * 30000)),
    );
    file[`to${law}`]();
    const bytes = file.toBuffer();
    file[`from${law}`]();
    expect(decodeWav(bytes).samples[0]).toEqual(Float32Array.from(file.getSamples(), (value) => value / 32768));
  });

  test('a sample of 12 bits stands in the upper bits of its 16', () => {
    const bytes = encodeWav(Float32Array.of(0.5, -0.25), { sampleRate: 8000 });
    bytes[34] = 12;
    expect(decodeWav(bytes).samples[0]).toEqual(Float32Array.of(0.5, -0.25));
  });
});

describe('channels', () => {
  const left = Float32Array.of(0.5, -0.5, 0.25);
  const right = Float32Array.of(0.25, 0.5, -0.75);
  const bytes = encodeWav([left, right], { sampleRate: 8000 });

  test('come apart, mixed, or one of them', () => {
    expect(decodeWav(bytes).samples).toEqual([left, right]);
    expect(decodeWav(bytes, { channels: 'mix' }).samples).toEqual([Float32Array.of(0.375, 0, -0.25)]);
    expect(decodeWav(bytes, { channels: 1 }).samples).toEqual([right]);
    expect(decodeWav(bytes, { channels: 1 }).channels).toBe(1);
    expect(mixChannels([left])).toBe(left);
  });

  test('that are not there are refused', () => {
    expect(() => decodeWav(bytes, { channels: 2 })).toThrow(
      'Expected channels to be all, mix or a number from 0 to 1, got 2',
    );
    expect(() => decodeWav(bytes, { channels: 'left' as never })).toThrow('got "left"');
  });

  test('may be 24', () => {
    const many = Array.from({ length: 24 }, (_, channel) => Float32Array.of(channel / 32, -channel / 32));
    expect(decodeWav(encodeWav(many, { sampleRate: 48000, format: 'float32' })).samples).toEqual(many);
  });
});

describe('what no decoder should see', () => {
  test('NaN and infinity are refused by the frame and channel', () => {
    const bytes = encodeWav([Float32Array.of(0, 0.5), Float32Array.of(1, 0)], { sampleRate: 8000, format: 'float32' });
    new DataView(bytes.buffer).setFloat32(bytes.length - 4, NaN, true);
    expect(() => decodeWav(bytes, { name: 'a.wav' })).toThrow(
      'Expected finite samples in a.wav, got NaN at frame 1 of channel 1',
    );
    new DataView(bytes.buffer).setFloat32(bytes.length - 4, -Infinity, true);
    expect(() => decodeWav(bytes)).toThrow('got -Infinity at frame 1 of channel 1');
  });

  test('an empty file of no samples is a clip of length zero', () => {
    const clip = decodeWav(encodeWav(new Float32Array(0), { sampleRate: 8000 }));
    expect(clip.samples).toEqual([new Float32Array(0)]);
    expect(clip.duration).toBe(0);
  });

  test('a file on disk is read, and one that is not there named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cadenza-wav-'));
    const path = join(folder, 'a.wav');
    await writeFile(path, encodeWav(Float32Array.of(0.5), { sampleRate: 8000 }));
    expect((await readWav(path)).samples).toEqual([Float32Array.of(0.5)]);
    await writeFile(path, 'RIFFabcdWAVE');
    await expect(readWav(path)).rejects.toThrow(`Expected ${path} to have a RIFF size within the 12 bytes`);
    await expect(readWav(join(folder, 'b.wav'))).rejects.toThrow(
      `Expected a WAV file at ${join(folder, 'b.wav')}, got nothing there`,
    );
    await expect(readWav(folder)).rejects.toThrow('got a folder');
  });
});
