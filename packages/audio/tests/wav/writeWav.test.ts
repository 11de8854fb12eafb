import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import wavefile from 'wavefile';
import { expect, test } from 'vitest';
import { encodeWav, writeWav } from '../../src/index.js';

test.each(['int16', 'float32'] as const)('wavefile reads what is written as %s', (format) => {
  const samples = [Float32Array.of(0.5, -1, 1.5), Float32Array.of(0.25, 0, 2 ** -16)];
  const file = new wavefile.WaveFile(encodeWav(samples, { sampleRate: 16000, format }));
  const read = Array.from(file.getSamples(false) as unknown as Float64Array[], (channel) => Array.from(channel));
  if (format === 'float32') expect(read).toEqual(samples.map((channel) => Array.from(channel)));
  else
    expect(read).toEqual([
      [16384, -32768, 32767],
      [8192, 0, 1],
    ]);
  expect(file.fmt).toMatchObject({ sampleRate: 16000, numChannels: 2, bitsPerSample: format === 'int16' ? 16 : 32 });
});

test('a file is written to disk', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'cadenza-wav-')), 'a.wav');
  await writeWav(path, Float32Array.of(0.5), { sampleRate: 8000 });
  expect((await readFile(path)).subarray(44)).toEqual(Buffer.from([0, 64]));
});

test('what cannot be written is refused', () => {
  const one = new Float32Array(1);
  expect(() => encodeWav([], { sampleRate: 8000 })).toThrow('Expected channels to be from 1 to 16383, got 0');
  expect(() => encodeWav([one, new Float32Array(2)], { sampleRate: 8000 })).toThrow(
    'every channel to be 1 long, got 2',
  );
  expect(() => encodeWav(Float32Array.of(NaN), { sampleRate: 8000 })).toThrow(
    'sample 0 of channel 0 to be finite, got NaN',
  );
  expect(() => encodeWav(one, { sampleRate: 0.5 })).toThrow('sampleRate to be a positive 32-bit integer, got 0.5');
  expect(() => encodeWav(one, { sampleRate: 1, format: 'mp3' as never })).toThrow(
    'format to be int16 or float32, got "mp3"',
  );
});
