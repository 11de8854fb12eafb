import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeHtml, Html, jsonScript, markup, showControls } from '../../src/html/index.js';

/** Reads back what a browser would read between tags. */
function unescape(source: string): string {
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#96': '`' };
  return source.replace(/&([^;]+);/g, (_, name: string) => entities[name]);
}

const anyString = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.string({
    unit: fc.constantFrom('<', '>', '&', '"', "'", '`', '/', 'script', '-->', '\0', '\u202E', 'א', '\u2028'),
  }),
);

test('any text is escaped to itself, with no tag and no quote left in it', () => {
  fc.assert(
    fc.property(anyString, (text) => {
      const escaped = escapeHtml(text);
      expect(escaped).not.toMatch(/[<>"'`]|&(?!(amp|lt|gt|quot|#39|#96);)/);
      expect(unescape(escaped)).toBe(showControls(text));
    }),
  );
});

test('control characters show as pictures, and half a surrogate pair as the replacement character', () => {
  expect(showControls('a\0\u0007\u001b\u007f\u0085\uD83D🙂\t\n')).toBe('a␀␇␛␡\uFFFD\uFFFD🙂\t\n');
});

test('a template escapes its values, joins lists, and leaves nothing for what is absent', () => {
  const inner = markup`<b>${'a<b'}</b>`;
  expect(markup`<i title="${'"'}">${[inner, 1, ' & ']}${null}${undefined}${false}</i>`.source).toBe(
    '<i title="&quot;"><b>a&lt;b</b>1 &amp; </i>',
  );
});

test('assets are carried up, each once', () => {
  const asset = { css: 'b {}' };
  const piece = new Html('<b></b>', new Set([asset]));
  expect([...markup`${[piece, piece]}`.assets]).toEqual([asset]);
});

test('any data in a script element is read back as it was and cannot end the element', () => {
  fc.assert(
    fc.property(fc.array(anyString), (data) => {
      const { source } = jsonScript(data);
      const content = /^<script type="application\/json">([^]*)<\/script>$/.exec(source)![1];
      expect(content).not.toContain('<');
      expect(JSON.parse(content)).toEqual(data);
    }),
  );
});
