import { InputError } from '@cadenza/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeUtf8, decodeUtf8Stream, firstInvalidByte } from '../src/index.js';
import { unicodeText } from './strings.js';

test('valid UTF-8 decodes to its text, without a byte order mark', () => {
  expect(decodeUtf8(Buffer.from('\uFEFFnaïve 🙂'), 'a.txt')).toBe('naïve 🙂');
});

test('an invalid byte is named with the file, its offset and its line', () => {
  const bytes = Buffer.concat([Buffer.from('one\ntwo é'), Buffer.from([0xe9, 0x20])]);
  expect(() => decodeUtf8(bytes, 'a.txt')).toThrow(
    new InputError('Expected UTF-8 in a.txt, got 0xE9 at byte 10 (line 2); convert the file, for example with iconv', {
      code: 'UTF8',
    }),
  );
});

test('UTF-16 is recognised by its byte order mark', () => {
  expect(() => decodeUtf8(Uint8Array.of(0xff, 0xfe, 0x41, 0), 'a.txt')).toThrow(/got UTF-16 at byte 0/);
});

test.each([
  ['an over-long form', [0x41, 0xc0, 0x80], 1],
  ['an over-long form of three bytes', [0xe0, 0x9f, 0xbf], 0],
  ['a surrogate', [0xed, 0xa0, 0x80], 0],
  ['a code point beyond U+10FFFF', [0x41, 0x42, 0xf4, 0x90, 0x80, 0x80], 2],
  ['a sequence cut off at the end', [0x41, 0xf0, 0x9f, 0x99], 1],
  ['a continuation without a beginning', [0x80], 0],
])('%s is invalid where it begins', (_, bytes, offset) => {
  expect(firstInvalidByte(Uint8Array.from(bytes))).toBe(offset);
});

test('bytes are found valid exactly where the platform decodes them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), unicodeText({ maxLength: 4 }), (noise, text) => {
      const bytes = Buffer.concat([Buffer.from(text), noise]);
      let valid = true;
      try {
        new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      } catch {
        valid = false;
      }
      expect(firstInvalidByte(bytes) === -1).toBe(valid);
    }),
    { numRuns: 2000 },
  );
});

async function decodeInChunks(bytes: Uint8Array, cuts: readonly number[]): Promise<string> {
  const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let index = 1; index < places.length; index++) yield bytes.subarray(places[index - 1], places[index]);
  }
  let text = '';
  for await (const piece of decodeUtf8Stream(chunks(), 'a.txt')) text += piece;
  return text;
}

test('a stream decodes as the whole does, or fails with the same words, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      unicodeText({ maxLength: 12 }),
      fc.uint8Array({ maxLength: 3 }),
      fc.array(fc.nat({ max: 30 }), { maxLength: 6 }),
      async (text, noise, cuts) => {
        const bytes = Buffer.concat([Buffer.from(`\n${text}\n`), noise, Buffer.from('end')]);
        const whole = (() => {
          try {
            return decodeUtf8(bytes, 'a.txt');
          } catch (error) {
            return (error as Error).message;
          }
        })();
        const streamed = await decodeInChunks(bytes, cuts).catch((error: Error) => error.message);
        expect(streamed).toBe(whole);
      },
    ),
  );
});

test('a stream loses its byte order mark, and only that', async () => {
  expect(await decodeInChunks(Buffer.from('\uFEFFa\uFEFF'), [1, 2])).toBe('a\uFEFF');
});

test('a stream that ends within a character is refused', async () => {
  await expect(decodeInChunks(Buffer.from('a🙂').subarray(0, 3), [2])).rejects.toThrow(/got 0xF0 at byte 1 \(line 1\)/);
});
