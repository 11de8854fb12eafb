import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CharacterTokenizer, StopMatcher, TextStream } from '../src/index.js';

/** What a matcher must give: the text before the stop string that is complete first, the longest of those. */
function reference(text: string, stops: string[]): { text: string; stop: string | null } {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter((stop) => text.slice(0, end).endsWith(stop)).sort((a, b) => b.length - a.length);
    if (ending.length > 0) return { text: text.slice(0, end - ending[0].length), stop: ending[0] };
  }
  return { text, stop: null };
}

const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 20 });

test('the text up to the first stop string comes out, whatever the pieces', () => {
  fc.assert(
    fc.property(
      fc.array(letters, { maxLength: 8 }),
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 }), { maxLength: 3 }),
      (pieces, stops) => {
        const matcher = new StopMatcher(stops);
        let text = '';
        for (const piece of pieces) text += matcher.push(piece).text;
        text += matcher.finish();
        expect({ text, stop: matcher.stop }).toEqual(reference(pieces.join(''), stops));
      },
    ),
    { numRuns: 3000 },
  );
});

test('text is held back only while it may become a stop string', () => {
  const matcher = new StopMatcher(['\n\n', 'END']);
  expect(matcher.push('one\n').text).toBe('one');
  expect(matcher.push('two E').text).toBe('\ntwo ');
  expect(matcher.push('N').text).toBe('');
  expect(matcher.push('Ough').text).toBe('ENOugh');
  expect(matcher.push('\n')).toEqual({ text: '', stop: null });
  expect(matcher.push('\nmore')).toEqual({ text: '', stop: '\n\n' });
  expect(matcher.push('more')).toEqual({ text: '', stop: '\n\n' });
});

test('an empty stop string is refused', () => {
  expect(() => new StopMatcher(['a', ''])).toThrow('Expected stop string to be a non-empty text, got ""');
});

test('a stream of tokens is the decoded text, never half a pair', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', '🙂', '\uD83D', '\uDE42'), { minLength: 1 }).map((units) => units.join('')),
      (text) => {
        const halves = Array.from({ length: text.length }, (_, index) => text[index]);
        const units = { decode: (ids: Iterable<number>) => Array.from(ids, (id) => halves[id]).join('') };
        const stream = new TextStream(units);
        const pieces = halves.map((_, id) => stream.push(id));
        pieces.push(stream.finish());
        expect(pieces.flatMap((piece) => Array.from(piece))).toEqual(Array.from(text));
      },
    ),
  );
});

test('a stream stops at a stop string that spans tokens', () => {
  const tokenizer = CharacterTokenizer.build('Hello. You');
  const stream = new TextStream(tokenizer, ['. ']);
  let written = '';
  for (const id of tokenizer.encode('Hello. You')) {
    if (stream.stop !== null) break;
    written += stream.push(id);
  }
  expect([written, stream.stop]).toEqual(['Hello', '. ']);
});
