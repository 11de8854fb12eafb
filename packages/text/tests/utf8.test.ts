import { InputError } from '@cadenza/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeUtf8, firstInvalidByte } from '../src/index.js';
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
