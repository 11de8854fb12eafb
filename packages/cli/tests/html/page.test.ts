import { expect, test } from 'vitest';
import { colouredText, columns, folded, htmlPage, markup, table, tiles, verbatim } from '../../src/html/index.js';

const hostile = '</script><script>alert(1)</script><img src=x onerror=alert(1)>"\' \u202E';

test('a page is one file that asks for nothing from a network', () => {
  const page = htmlPage({ title: 'Runs', sections: [{ body: markup`<p>text</p>` }] });
  expect(page).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
  expect(page).toContain("default-src 'none'");
  expect(page).not.toMatch(/(?:src|href)=|@import|url\(/);
  expect(page).toContain('prefers-color-scheme: dark');
});

test('text in any place of a page stays text', () => {
  const page = htmlPage({
    title: hostile,
    subtitle: hostile,
    footer: hostile,
    sections: [
      { title: hostile, lead: hostile, body: verbatim(hostile) },
      { body: table({ caption: hostile, columns: [{ title: hostile }], rows: [[hostile]] }) },
      { body: tiles([{ label: hostile, value: hostile, note: hostile }]) },
      { body: colouredText([{ text: hostile, value: 1, note: hostile }]), plain: true },
      { body: columns([folded(hostile, markup`${hostile}`)]) },
    ],
  });
  expect(page).not.toMatch(/<script|<img|alert\(1\)<\/script>/);
  expect(page.match(/&lt;img src=x onerror/g)).toHaveLength(17);
});

test('an asset is in the page once, and cannot end its own element', () => {
  const page = htmlPage({
    title: 'x',
    sections: [{ body: colouredText([]) }, { body: colouredText([]) }],
  });
  expect(page.match(/\.coloured \{/g)).toHaveLength(1);
});

test('colours are by sign and size, and a line end shows where it is', () => {
  const { source } = colouredText([
    { text: 'a', value: 0.25 },
    { text: '\n', value: -3 },
    { text: 'b', value: NaN },
  ]);
  expect(source).toContain('<span style="--v:0.250">a</span>');
  expect(source).toContain('<span class="cool" style="--v:1.000"><i class="mark">↵</i>\n</span>');
  expect(source).toContain('<span style="--v:0.000">b</span>');
});

test('the first line end of a verbatim text is kept', () => {
  expect(verbatim('\na').source).toBe('<pre dir="auto">\n\na</pre>');
});

test('the cells of a number column are set to the right, and the first of a row is its heading', () => {
  const { source } = table({ columns: [{ title: 'name' }, { title: 'loss', number: true }], rows: [['a', 1]] });
  expect(source).toContain('<th scope="row">a</th><td class="number">1</td>');
});
