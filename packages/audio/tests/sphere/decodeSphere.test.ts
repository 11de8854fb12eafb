import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { InputError } from '@cadenza/core';
import { describe, expect, test } from 'vitest';
import { decodeAudio, decodeSphere } from '../../src/index.js';

interface GoldenFile {
  name: string;
  bytes: string;
  samples: number[][];
}

/** Files that libsndfile wrote and what it reads back from them; tools/golden/sphere_files.py has made it. */
const golden: GoldenFile[] = JSON.parse(readFileSync(new URL('../golden/sphereFiles.json', import.meta.url), 'utf8'));

const header = `NIST_1A
   1024
; as of an older corpus
database_id -s5 A CD
sample_rate -i 16000
channel_count -i 1
sample_n_bytes -i 2
sample_byte_format -s2 10
sample_count -i 3
sample_coding -s3 pcm
end_head
`;

/** A file of a header, changed, and some bytes of samples. */
function sphere(change: [RegExp | string, string] = ['', ''], samples = [0x40, 0, 0xc0, 0, 0, 1]): Uint8Array {
  const text = header.replace(change[0], change[1]);
  return Buffer.concat([Buffer.from(text.padEnd(1024)), Buffer.from(samples)]);
}

test.each(golden)('$name reads as libsndfile reads it', async ({ bytes, samples }) => {
  const clip = await decodeAudio(Buffer.from(bytes, 'base64'));
  expect(clip).toMatchObject({ sampleRate: 16000, channels: samples.length });
  for (const [channel, values] of samples.entries()) {
    expect(clip.samples[channel]).toHaveLength(values.length);
    for (const [index, value] of values.entries()) expect(clip.samples[channel][index]).toBeCloseTo(value, 6);
  }
});

describe('a header', () => {
  const read = (...args: Parameters<typeof sphere>): number[] => [...decodeSphere(sphere(...args)).samples[0]];

  test('may have comments, unknown fields, and samples behind those that it counts', () => {
    expect(read()).toEqual([0.5, -0.5, 1 / 32768]);
    expect(read(['', ''], [0x40, 0, 0xc0, 0, 0, 1, 9, 9, 9])).toHaveLength(3);
    expect(read(['sample_count -i 3\n', ''])).toHaveLength(3);
    expect(read(['channel_count -i 1\n', ''])).toHaveLength(3);
    expect(read(['sample_byte_format -s2 10', 'sample_byte_format -s2 01'])[2]).toBe(256 / 32768);
    expect(decodeSphere(sphere(['1\nsample_n', '1\nchannels_interleaved -s4 TRUE\nsample_n'])).channels).toBe(1);
  });

  test.each<[string, [RegExp | string, string], string]>([
    ['length', ['1024', '1000'], 'a header length of a multiple of 1024 in its second line, got "   1000"'],
    ['longer than the file', ['1024', '4096'], 'a header of 4096 bytes (truncated?), got 1030'],
    ['without an end', ['end_head', 'end_tail -i 1'], '"end_head" at the end of its header, got none'],
    ['line', ['sample_rate -i 16000', 'sample rate'], 'lines "name -type value" in its header, got "sample rate"'],
    ['rate', ['-i 16000', '-i 16'], 'a sample_rate of 1000 to 768000, got "16"'],
    ['without a rate', ['sample_rate -i 16000\n', ''], 'a sample_rate of 1000 to 768000, got none'],
    ['channels', ['channel_count -i 1', 'channel_count -i 0'], 'a channel_count of 1 to 256, got "0"'],
    ['layout', ['channel_count', 'channels_interleaved -s5 FALSE\nchannel_count'], 'interleaved channels, got'],
    ['width', ['sample_n_bytes -i 2', 'sample_n_bytes -i 1'], 'a sample_n_bytes of 2 to 4, got "1"'],
    ['order', ['-s2 10', '-s2 11'], 'a sample_byte_format of 01 (little-endian) or 10 (big-endian), got "11"'],
    [
      'compression',
      ['-s3 pcm', '-s26 pcm,embedded-shorten-v2.00'],
      'a sample_coding of pcm, ulaw or alaw, not compressed, got "pcm,embedded-shorten-v2.00"',
    ],
    [
      'coding',
      ['-s3 pcm', '-s11 constructor'],
      'a sample_coding of pcm, ulaw or alaw, not compressed, got "constructor"',
    ],
    ['count', ['-i 3', '-i -3'], 'a sample_count of at least 0, got "-3"'],
    ['count beyond the end', ['-i 3', '-i 4'], 'the 4 samples that its sample_count says (truncated?), got 3'],
    ['count of none', ['-i 3', '-i 0'], 'samples, got none'],
  ])('that is wrong is refused in one line: %s', (_, change, message) => {
    expect(() => decodeSphere(sphere(change), { name: 'a.sph' })).toThrow(`Expected a.sph to have ${message}`);
  });
});

test('whatever bytes a file has, it is read or refused', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.nat(1029), bytes, fc.nat(1030), (at, put, end) => {
      const file = sphere();
      file.set(put.subarray(0, file.length - at), at);
      try {
        const { samples } = decodeSphere(file.subarray(0, Math.max(end, 900)));
        expect(samples[0].length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        expect((error as Error).message).not.toContain('\n');
      }
    }),
    { numRuns: 500 },
  );
});
