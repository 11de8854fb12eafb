import { gzipSync } from 'node:zlib';
import { ConfigError, InputError } from '@cadenza/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fingerprintOf, readParallelCorpus } from '../../src/index.js';
import { testFolder } from '../folder.js';
import { unicodeText } from '../strings.js';

const file = testFolder();

const pairs = [
  { source: 'A dog runs.', target: 'Ein Hund läuft.' },
  { source: '', target: 'leer' },
  { source: 'Two cats.', target: 'Zwei Katzen.' },
];
const source = pairs.map((pair) => `${pair.source}\n`).join('');
const target = pairs.map((pair) => `${pair.target}\n`).join('');

describe('two files', () => {
  test('line n of one translates line n of the other', async () => {
    const paths = { source: file('a.en', source), target: file('a.de', target) };
    const corpus = await readParallelCorpus(paths);
    expect(corpus.pairs).toEqual(pairs);
    expect(corpus.name).toBe(`${paths.source} and ${paths.target}`);
    expect(corpus.files).toEqual([
      { path: paths.source, bytes: Buffer.byteLength(source) },
      { path: paths.target, bytes: Buffer.byteLength(target) },
    ]);
    expect(corpus.fingerprint).toBe(fingerprintOf(pairs));
  });

  test('gzip, a byte order mark, Windows line ends and no last line end change nothing', async () => {
    const plain = await readParallelCorpus({ source: file('b.en', source), target: file('b.de', target) });
    const other = await readParallelCorpus({
      source: file('c.en', gzipSync(`\uFEFF${source.replaceAll('\n', '\r\n')}`)), // by its content, not by its name
      target: file('c.de', target.trimEnd()),
    });
    expect(other.pairs).toEqual(plain.pairs);
    expect(other.fingerprint).toBe(plain.fingerprint);
  });

  test('what else Unicode calls a line end stays within its line', async () => {
    const odd = 'a\u2028b\u0085c\u2029d\ve\ff\rg';
    const corpus = await readParallelCorpus({ source: file('d.en', `${odd}\n`), target: file('d.de', 'x\n') });
    expect(corpus.pairs).toEqual([{ source: odd, target: 'x' }]);
  });

  test('any lines come back as they were written', async () => {
    const line = unicodeText({ maxLength: 8 }).map((text) => text.replace(/[\n\r\uFEFF]/g, ''));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 6 }), async (lines) => {
        const path = file('e.txt', lines.map((text) => `${text}\n`).join(''));
        const corpus = await readParallelCorpus({ source: path, target: path });
        expect(corpus.pairs.map((pair) => pair.source)).toEqual(lines);
      }),
      { numRuns: 40 },
    );
  });

  test('a line longer than a chunk is one line', async () => {
    const long = 'é'.repeat(200_000);
    const path = file('f.txt', `${long}\nshort`);
    const corpus = await readParallelCorpus({ source: path, target: path });
    expect(corpus.pairs.map((pair) => pair.source)).toEqual([long, 'short']);
  });

  test('sides of unequal length are refused with both counts', async () => {
    const paths = { source: file('g.en', 'a\nb\nc\n'), target: file('g.de', 'a\nb\n') };
    await expect(readParallelCorpus(paths)).rejects.toThrow(
      new InputError(`Expected as many lines in ${paths.source} as in ${paths.target}, got 3 and 2`, {
        code: 'UNALIGNED',
      }),
    );
  });

  test('empty files, a missing file, a folder and bytes that are not UTF-8 are each one clear line', async () => {
    const empty = file('h.en', '');
    const good = file('h.de', 'a\n');
    const bad = file('h.fr', Buffer.from('one\ntwo \xe9', 'latin1'));
    await expect(readParallelCorpus({ source: empty, target: empty })).rejects.toThrow(
      `Expected sentence pairs in ${empty} and ${empty}, got nothing: it is empty`,
    );
    await expect(readParallelCorpus({ source: good, target: `${good}.gone` })).rejects.toThrow(/found nothing there/);
    await expect(readParallelCorpus({ source: good, target: '/' })).rejects.toThrow(/at \/, found a folder/);
    await expect(readParallelCorpus({ source: good, target: bad })).rejects.toThrow(
      `Expected UTF-8 in ${bad}, got 0xE9 at byte 8 (line 2); convert the file, for example with iconv`,
    );
  });

  test('a damaged gzip file is refused by name', async () => {
    const path = file('i.gz', gzipSync(source.repeat(100)).subarray(0, 40));
    await expect(readParallelCorpus({ source: path, target: path })).rejects.toThrow(
      `Expected a whole gzip file at ${path}, got a damaged one: unexpected end of file`,
    );
  });
});

describe('tab-separated values', () => {
  test('the two sides stand first, and an attribution after them does no harm', async () => {
    const path = file('a.tsv', 'Hi.\tHallo.\tCC-BY 2.0 #1\r\n\nRun!\tLauf!\tCC-BY 2.0 #2');
    expect((await readParallelCorpus({ path })).pairs).toEqual([
      { source: 'Hi.', target: 'Hallo.' },
      { source: 'Run!', target: 'Lauf!' },
    ]);
  });

  test('columns of ids before each side are recognised', async () => {
    const path = file('b.tsv', '12\tHi.\t77\tHallo.\n13\tRun!\t78\tLauf!\n');
    expect((await readParallelCorpus({ path })).pairs[1]).toEqual({ source: 'Run!', target: 'Lauf!' });
  });

  test('columns can be named, which also turns the direction', async () => {
    const path = file('c.tsv', 'Hi.\tHallo.\n');
    expect((await readParallelCorpus({ path, columns: { source: 2, target: 1 } })).pairs).toEqual([
      { source: 'Hallo.', target: 'Hi.' },
    ]);
    await expect(readParallelCorpus({ path, columns: { source: 0, target: 1 } })).rejects.toThrow(
      'Expected source column to be a positive integer, got 0',
    );
    await expect(readParallelCorpus({ path, columns: { source: 1, target: 1 } })).rejects.toThrow(/two different ones/);
  });

  test('a line with too few columns is refused with its number', async () => {
    const path = file('d.tsv', 'Hi.\tHallo.\n\nalone\n');
    await expect(readParallelCorpus({ path })).rejects.toThrow(
      `Expected at least 2 columns between tabs in line 3 of ${path}, got 1`,
    );
  });
});

describe('a translation memory', () => {
  const languages = { source: 'en', target: 'de' };
  const memory = (body: string): string =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><header/><body>${body}</body></tmx>`;
  const unit = (...variants: [string, string][]): string =>
    `<tu>${variants.map(([tag, text]) => `<tuv xml:lang="${tag}"><seg>${text}</seg></tuv>`).join('\n')}</tu>\n`;

  test('units that hold both languages are pairs, whatever their order and region', async () => {
    const path = file(
      'a.tmx',
      memory(
        unit(['en-GB', 'Good &amp; cheap'], ['de', 'Gut &#38; billig']) +
          unit(['DE_AT', 'Servus'], ['fr', 'Salut'], ['EN', 'Hello'], ['en-US', 'Hi']) +
          unit(['en', 'alone'], ['fr', 'seul']),
      ),
    );
    expect((await readParallelCorpus({ path, languages })).pairs).toEqual([
      { source: 'Good & cheap', target: 'Gut & billig' },
      { source: 'Hello', target: 'Servus' },
    ]);
    const french = await readParallelCorpus({ path, languages: { source: 'fr', target: 'en' } });
    expect(french.pairs.map((pair) => pair.target)).toEqual(['Hello', 'alone']);
  });

  test('is told by how its text begins, after empty lines too', async () => {
    const document = memory(unit(['en', 'Hello'], ['de', 'Hallo'])).replace(/^<\?.*\n/, '');
    for (const start of ['', '\n', ' \r\n\n', '<!-- made by hand -->\n', ' '.repeat(70_000)]) {
      const path = file('start.tmx', start + document);
      expect((await readParallelCorpus({ path, languages })).pairs).toEqual([{ source: 'Hello', target: 'Hallo' }]);
    }
    const table = await readParallelCorpus({ path: file('start.tsv', '\n<b>\tb\n') });
    expect(table.pairs).toEqual([{ source: '<b>', target: 'b' }]);
  });

  test("a document's codes are left out, highlighted text stays, white space becomes single spaces", async () => {
    const body = unit(
      ['en', '<bpt i="1">&lt;b></bpt>A <hi>red</hi><ept i="1">&lt;/b></ept>\n   car<ph/> <![CDATA[<here>]]>'],
      ['de', 'Ein Auto'],
    );
    const path = file('b.tmx', gzipSync(memory(body)));
    expect((await readParallelCorpus({ path, languages })).pairs[0].source).toBe('A red car <here>');
  });

  test('one larger than a chunk keeps every unit', async () => {
    const body = Array.from({ length: 3000 }, (_, index) =>
      unit(['en', `number ${index}`], ['de', `Zahl ${index} 🙂`]),
    );
    const { pairs: read } = await readParallelCorpus({ path: file('c.tmx', memory(body.join(''))), languages });
    expect(read).toHaveLength(3000);
    expect(read[2999]).toEqual({ source: 'number 2999', target: 'Zahl 2999 🙂' });
  });

  test('other languages, other XML and broken XML are refused', async () => {
    const path = file('d.tmx', memory(unit(['fr', 'a'], ['es', 'b'])));
    await expect(readParallelCorpus({ path, languages })).rejects.toThrow(
      `Expected units in en and de in ${path}, got the languages: es, fr`,
    );
    const html = file('e.tmx', '<?xml version="1.0"?><html/>');
    await expect(readParallelCorpus({ path: html, languages })).rejects.toThrow(/<tmx> in .*, got <html>/);
    const broken = file('f.tmx', '<tmx>\n<body></tmx>');
    await expect(readParallelCorpus({ path: broken, languages })).rejects.toThrow(
      /^Expected well-formed XML in .*f\.tmx, got an error at 2:1\d: unexpected close tag \(line:column\)$/,
    );
  });

  test('the languages must be given, be tags, and differ', async () => {
    const path = file('g.tmx', memory(''));
    await expect(readParallelCorpus({ path })).rejects.toThrow(ConfigError);
    await expect(readParallelCorpus({ path, languages: { source: 'en', target: '' } })).rejects.toThrow(
      /target language to be a language tag/,
    );
    await expect(readParallelCorpus({ path, languages: { source: 'en', target: 'en-GB' } })).rejects.toThrow(
      /two different ones/,
    );
  });
});
