import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { create } from 'tar';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createProgram, runProgram } from '../../src/command.js';
import { addDataVerbs, findDataPath } from '../../src/data/dataVerbs.js';
import type { DataSet } from '../../src/data/dataSet.js';

const content = 'To be, or not to be\n';
const sha256 = createHash('sha256').update(content).digest('hex');
let server: Server;
let sets: DataSet[];

const dataSet = (name: string, url: string): DataSet => ({
  name,
  title: `The ${name}`,
  licence: 'public domain',
  homepage: 'https://example.org',
  files: [{ url, path: 'input.txt', sha256, bytes: content.length }],
  use: 'input.txt',
});

/** A file in the form of tar (POSIX 1003.1, ustar), which `create` would not give such a path. */
function tarFile(path: string, text: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(path);
  header.write('0000644\0' + '0000000\0'.repeat(2) + `${text.length.toString(8).padStart(11, '0')}\0`, 100);
  header.write('00000000000\0' + ' '.repeat(8) + '0', 136);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, Buffer.from(text.padEnd(512, '\0')), Buffer.alloc(1024)]);
}

async function makeArchives(): Promise<Map<string, Buffer>> {
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-archive-'));
  mkdirSync(join(folder, 'corpus', 'etc'), { recursive: true });
  writeFileSync(join(folder, 'corpus', 'etc', 'list.txt'), content);
  symlinkSync('/etc', join(folder, 'corpus', 'link'));
  await create({ gzip: true, file: join(folder, 'out'), cwd: folder }, ['corpus']);
  return new Map([
    ['/corpus.tar.gz', readFileSync(join(folder, 'out'))],
    ['/outside.tar', tarFile('../corpus/list.txt', content)],
  ]);
}

function archiveSet(name: string, url: string, bytes: Buffer, unpacks: string): DataSet {
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { ...dataSet(name, url), files: [{ url, path: basename(url), sha256: hash, unpacks }], use: unpacks };
}

beforeAll(async () => {
  const archives = await makeArchives();
  server = createServer((request, response) => void response.end(archives.get(request.url!) ?? content));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  // A port that nobody listens on any more.
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port: refusing } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  sets = [
    dataSet('verse', `http://127.0.0.1:${port}/input.txt`),
    dataSet('refused', `http://127.0.0.1:${refusing}/input.txt`),
    ...[
      ['corpus', '/corpus.tar.gz', 'corpus'],
      ['outside', '/outside.tar', 'corpus'],
      ['lacking', '/corpus.tar.gz', 'other'],
    ].map(([name, path, unpacks]) => archiveSet(name, `http://127.0.0.1:${port}${path}`, archives.get(path)!, unpacks)),
  ];
});
afterAll(() => void server.close());
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

async function call(...args: string[]): Promise<{ stdout: string; stderr: string; code: unknown }> {
  const text = { stdout: '', stderr: '' };
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => ((text.stdout += String(chunk)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => ((text.stderr += String(chunk)), true));
  const program = createProgram({ name: 'cadenza-test', description: 'a test', version: '1.2.3' });
  addDataVerbs(program, sets);
  process.exitCode = 0;
  await runProgram(program, args);
  vi.restoreAllMocks();
  return { ...text, code: process.exitCode };
}

describe('data get', () => {
  it('fetches a data set and prints only its path to standard output', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cadenza-data-'));
    const { stdout, stderr, code } = await call('data', 'get', 'verse', '--to', folder);
    expect(stdout).toBe(`${join(folder, 'input.txt')}\n`);
    expect(stderr).toContain('SHA-256 as expected');
    expect(readFileSync(stdout.trim(), 'utf8')).toBe(content);
    expect(code).toBe(0);
  });

  it('ends with one JSON object when asked to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cadenza-data-'));
    const { stdout } = await call('data', 'get', 'verse', '--to', folder, '--json', '--quiet');
    expect(JSON.parse(stdout)).toMatchObject({ name: 'verse', path: join(folder, 'input.txt') });
  });

  it('says without a network what failed and where to put the file by hand', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'cadenza-data-')), 'new');
    const { stdout, stderr, code } = await call('data', 'get', 'refused', '--to', folder, '--quiet');
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('ECONNREFUSED');
    expect(stderr).toContain(`(SHA-256 ${sha256}) at ${join(folder, 'input.txt')}`);
    expect(existsSync(folder)).toBe(false);
    expect(code).toBe(1);
  }, 20_000);

  it('tells how many more files a set has, and where they go', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'cadenza-data-')), 'new');
    const [whole, refused] = [sets.find(({ name }) => name === 'verse')!, sets.find(({ name }) => name === 'refused')!];
    const [first, broken] = [whole.files[0], { ...refused.files[0], path: 'second.txt' }];
    sets.push({ ...whole, name: 'several', files: [first, broken, first, first] });
    const { stderr } = await call('data', 'get', 'several', '--to', folder, '--quiet');
    sets.pop();
    const more = ', and 2 more files (cadenza-test data list --json has all of them) into ';
    expect(stderr).toContain(`(SHA-256 ${sha256}) at ${join(folder, 'second.txt')}${more}${folder}\n`);
  }, 20_000);

  it('offers the nearest data set for an unknown one', async () => {
    const { stderr, code } = await call('data', 'get', 'verses');
    expect(stderr).toBe('error: Expected a known data set, got "verses"; did you mean verse?\n');
    expect(code).toBe(2);
  });
});

describe('data get of an archive', () => {
  it('unpacks it once, and finds it by its name', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cadenza-data-'));
    const first = await call('data', 'get', 'corpus', '--to', folder);
    expect(first).toMatchObject({ code: 0, stdout: `${join(folder, 'corpus')}\n` });
    expect(first.stderr).toContain(`${join(folder, 'corpus')}: unpacked`);
    expect(readFileSync(join(folder, 'corpus', 'etc', 'list.txt'), 'utf8')).toBe(content);
    expect(readdirSync(folder).sort()).toEqual(['corpus', 'corpus.tar.gz']);
    expect(readdirSync(join(folder, 'corpus'))).toEqual(['etc']); // no link
    const second = await call('data', 'get', 'corpus', '--to', folder);
    expect(second.stderr).toContain(`${join(folder, 'corpus')}: already there`);
    rmSync(join(folder, 'corpus'), { recursive: true });
    expect((await call('data', 'get', 'corpus', '--to', folder)).stderr).toContain('unpacked');
  });

  it('takes nothing of an archive that would write elsewhere, or lacks the folder', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'cadenza-data-')), 'inner');
    const outside = await call('data', 'get', 'outside', '--to', folder);
    expect(outside.code).toBe(1);
    expect(outside.stderr).toMatch(/error: Expected to unpack corpus from .*outside\.tar, got: .*'\.\.'/);
    expect(readdirSync(folder)).toEqual(['outside.tar']);
    expect(readdirSync(join(folder, '..'))).toEqual(['inner']);
    const lacking = await call('data', 'get', 'lacking', '--to', folder);
    expect(lacking.stderr).toContain('got: no such folder in it');
    expect(readdirSync(folder).sort()).toEqual(['corpus.tar.gz', 'outside.tar']);
  });
});

describe('data list', () => {
  it('lists the data sets as a table and as JSON', async () => {
    const { stdout } = await call('data', 'list');
    expect(stdout).toMatch(/^name +bytes +what +licence\nverse +20 +The/);
    expect(stdout).toMatch(/\ncorpus +\? /); // only its server knows
    const listed = JSON.parse((await call('data', 'list', '--json')).stdout) as { data_sets: DataSet[] };
    expect(listed.data_sets.map(({ name }) => name)).toEqual(['verse', 'refused', 'corpus', 'outside', 'lacking']);
  });
});

describe('findDataPath', () => {
  it('keeps a path and says how to fetch a data set that is named but not there', () => {
    expect(findDataPath('some/file.txt', sets, 'cadenza-test')).toBe('some/file.txt');
    expect(findDataPath('-', sets, 'cadenza-test')).toBe('-');
    expect(() => findDataPath('verse', sets, 'cadenza-test')).toThrow(/run: cadenza-test data get verse$/);
    expect(() => findDataPath('vers', sets, 'cadenza-test')).toThrow(/got vers; did you mean verse\?/);
  });
});
