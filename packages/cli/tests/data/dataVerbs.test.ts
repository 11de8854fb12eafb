import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

beforeAll(async () => {
  server = createServer((_, response) => void response.end(content));
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

  it('offers the nearest data set for an unknown one', async () => {
    const { stderr, code } = await call('data', 'get', 'verses');
    expect(stderr).toBe('error: Expected a known data set, got "verses"; did you mean verse?\n');
    expect(code).toBe(2);
  });
});

describe('data list', () => {
  it('lists the data sets as a table and as JSON', async () => {
    expect((await call('data', 'list')).stdout).toMatch(/^name +bytes +what +licence\nverse/);
    const listed = JSON.parse((await call('data', 'list', '--json')).stdout) as DataSet[];
    expect(listed.map(({ name }) => name)).toEqual(['verse', 'refused']);
  });
});

describe('findDataPath', () => {
  it('keeps a path and says how to fetch a data set that is named but not there', () => {
    expect(findDataPath('some/file.txt', sets)).toBe('some/file.txt');
    expect(findDataPath('-', sets)).toBe('-');
    expect(() => findDataPath('verse', sets)).toThrow(/run: data get verse/);
    expect(() => findDataPath('vers', sets)).toThrow(/got vers; did you mean verse\?/);
  });
});
