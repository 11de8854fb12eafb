import { readFileSync } from 'node:fs';
import { CadenzaError, Random } from '@cadenza/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeWav, encodeWav, WavStream } from '../../src/index.js';

const golden: { bytes: string }[] = JSON.parse(
  readFileSync(new URL('../golden/wavFiles.json', import.meta.url), 'utf8'),
);
const files = golden.map(({ bytes }) => new Uint8Array(Buffer.from(bytes, 'base64')));

const clips = fc
  .record({
    channels: fc.integer({ min: 1, max: 6 }),
    frames: fc.integer({ min: 0, max: 40 }),
    sampleRate: fc.integer({ min: 1000, max: 768000 }),
    seed: fc.nat(),
  })
  .map(({ channels, frames, sampleRate, seed }) => {
    const random = new Random(seed);
    const one = (): Float32Array => Float32Array.from({ length: frames }, () => random.next() * 2 - 1);
    return { sampleRate, samples: Array.from({ length: channels }, one) };
  });

test('what is written as floats is read again, as 16 bits to half a step', () => {
  fc.assert(
    fc.property(clips, ({ samples, sampleRate }) => {
      const exact = decodeWav(encodeWav(samples, { sampleRate, format: 'float32' }));
      expect(exact).toEqual({
        samples,
        sampleRate,
        channels: samples.length,
        duration: samples[0].length / sampleRate,
      });
      const rounded = decodeWav(encodeWav(samples, { sampleRate }));
      for (const [channel, values] of samples.entries()) {
        for (const [frame, value] of values.entries()) {
          // 1/65536 by rounding, and 1/32768 where 1 - epsilon is limited to 32767
          expect(Math.abs(rounded.samples[channel][frame] - value)).toBeLessThanOrEqual(1 / 32768);
        }
      }
    }),
    { numRuns: 200 },
  );
});

/** A few random changes of one file: bytes, extreme fields, cuts, repeats. */
function mutate(original: Uint8Array, random: Random): Uint8Array {
  let bytes = original.slice();
  for (let change = 1 + random.integer(4); change > 0; change--) {
    const at = random.integer(random.integer(4) ? Math.min(bytes.length, 80) : bytes.length);
    const kind = random.integer(5);
    if (kind === 0) bytes[at] = random.integer(256);
    else if (kind === 1) bytes.fill(random.integer(2) * 255, at, at + 4);
    else if (kind === 2 && at + 4 <= bytes.length) new DataView(bytes.buffer).setUint32(at, random.nextUint32());
    else if (kind === 3) bytes = bytes.slice(0, at + 1);
    else bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at >> 1)]);
  }
  return bytes;
}

test('10,000 mutated files are read or refused in one line, in time and memory that their size bounds', () => {
  const random = new Random(5);
  let refused = 0;
  let samples = 0;
  const begun = performance.now();
  for (let round = 0; round < 10_000; round++) {
    const bytes = mutate(files[round % files.length], random);
    try {
      const clip = decodeWav(bytes);
      const held = clip.samples.reduce((sum, channel) => sum + channel.length, 0);
      expect(held).toBeLessThanOrEqual(2 * bytes.length); // two samples a byte of IMA ADPCM, the densest
      samples += held;
    } catch (error) {
      expect(error, `round ${round}`).toBeInstanceOf(CadenzaError);
      expect((error as Error).message).toMatch(/^Expected [^\n]+, got [^\n]+$/);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(2000);
  expect(refused).toBeLessThan(9500);
  expect(samples).toBeGreaterThan(0);
  expect(performance.now() - begun).toBeLessThan(30_000); // a hang, not a speed
});

test.each([1, 7, 1000])('a stream in pieces of %i bytes gives what the whole file gives', (size) => {
  for (const bytes of files) {
    const stream = new WavStream();
    const pieces: Float32Array[][] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(stream.push(bytes.subarray(at, at + size)));
    pieces.push(stream.end());
    const whole = decodeWav(bytes);
    const parts = pieces.filter((piece) => piece.length > 0);
    for (const [channel, wanted] of whole.samples.entries()) {
      const joined = Float32Array.from(parts.flatMap((piece) => [...piece[channel]]));
      expect(joined.subarray(0, wanted.length)).toEqual(wanted);
      expect(joined.length - wanted.length).toBeLessThan(stream.format!.framesPerBlock);
    }
  }
});

test('mutated streams end in one line too, and never hold more than they were given', () => {
  const random = new Random(6);
  for (let round = 0; round < 2000; round++) {
    const bytes = mutate(files[round % files.length], random);
    const stream = new WavStream('a pipe');
    try {
      for (let at = 0; at < bytes.length; at += 50) stream.push(bytes.subarray(at, at + 50));
      stream.end();
    } catch (error) {
      expect(error).toBeInstanceOf(CadenzaError);
    }
  }
});

test('a stream that ends early, or whose header never ends, says so', () => {
  const bytes = encodeWav(new Float32Array(10), { sampleRate: 8000 });
  const early = new WavStream('a pipe');
  early.push(bytes.subarray(0, 50));
  expect(() => early.end()).toThrow(
    'Expected a pipe to have 20 bytes of samples at byte 50, got the end after 6 of them',
  );
  const none = new WavStream('a pipe');
  expect(none.push(bytes.subarray(0, 20))).toEqual([]);
  expect(() => none.end()).toThrow('Expected a pipe to have');
  const endless = new WavStream('a pipe');
  endless.push(Uint8Array.from([...bytes.subarray(0, 12), 0x4c, 0x49, 0x53, 0x54, 255, 255, 255, 127]));
  expect(() => {
    for (let piece = 0; piece < 20; piece++) endless.push(new Uint8Array(100_000));
  }).toThrow('begun its "data" chunk at byte 1048576');
});

test('a stream holds nothing of what follows its samples', () => {
  const stream = new WavStream();
  const bytes = encodeWav(Float32Array.of(0.5, 0.25), { sampleRate: 8000 });
  expect(stream.push(Uint8Array.from([...bytes, 1, 2, 3]))).toEqual([Float32Array.of(0.5, 0.25)]);
  const piece = new Uint8Array(1 << 20);
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 64; round++) expect(stream.push(piece)).toEqual([new Float32Array(0)]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  expect(stream.end()).toEqual([new Float32Array(0)]);
});
