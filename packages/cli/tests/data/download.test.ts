import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { download } from '../../src/data/download.js';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251));
const sha256 = createHash('sha256').update(content).digest('hex');
const requests: { url: string; range?: string }[] = [];
let server: Server;
let base: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const range = request.headers.range;
    requests.push({ url: request.url!, range });
    const start = range === undefined ? 0 : Number(/bytes=(\d+)-/.exec(range)![1]);
    if (request.url === '/missing') return void response.writeHead(404, 'Not Found').end();
    if (request.url === '/broken') return void response.writeHead(503, 'Unavailable').end();
    if (start >= content.length) return void response.writeHead(416).end();
    const ranged = range !== undefined && request.url !== '/whole';
    const body = ranged ? content.subarray(start) : content;
    response.writeHead(ranged ? 206 : 200, { 'content-length': body.length });
    // The connection is cut after 100,000 bytes the first time that /cut is asked for.
    if (request.url === '/cut' && start === 0)
      response.write(body.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
beforeEach(() => void requests.splice(0));

const target = (): string => join(mkdtempSync(join(tmpdir(), 'cadenza-download-')), 'sub', 'file.bin');

describe('download', () => {
  it('fetches a file, tells the progress, and leaves no part behind', async () => {
    const path = target();
    const seen: number[] = [];
    expect(await download(`${base}/good`, path, { sha256, onProgress: (done) => seen.push(done) })).toBe(true);
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(seen.at(-1)).toBe(content.length);
    expect(existsSync(`${path}.part`)).toBe(false);
  });

  it('asks for nothing when the file is there', async () => {
    const path = target();
    await download(`${base}/good`, path, { sha256 });
    expect(await download(`${base}/good`, path, { sha256 })).toBe(false);
    expect(requests).toHaveLength(1);
  });

  it('takes up a connection that was cut, asking only for the rest', async () => {
    const path = target();
    await download(`${base}/cut`, path, { sha256, retryDelay: 1 });
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(requests.map(({ range }) => range)).toEqual([undefined, 'bytes=100000-']);
  });

  it('resumes what an earlier process left', async () => {
    const path = target();
    await expect(download(`${base}/cut`, path, { sha256, retries: 0 })).rejects.toThrow();
    expect(statSync(`${path}.part`).size).toBe(100_000);
    await download(`${base}/cut`, path, { sha256 });
    expect(requests.at(-1)!.range).toBe('bytes=100000-');
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it('starts over where the server knows no ranges', async () => {
    const path = target();
    await expect(download(`${base}/cut`, path, { sha256, retries: 0 })).rejects.toThrow();
    await download(`${base}/whole`, path, { sha256 });
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it('takes a part that is already whole', async () => {
    const path = target();
    await expect(download(`${base}/cut`, path, { sha256, retries: 0 })).rejects.toThrow();
    writeFileSync(`${path}.part`, content);
    await download(`${base}/good`, path, { sha256 });
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it('deletes what has another hash and says both', async () => {
    const path = target();
    const wrong = sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    await expect(download(`${base}/good`, path, { sha256: wrong })).rejects.toThrow(
      `Expected SHA-256 ${wrong}, got ${sha256}`,
    );
    expect(existsSync(path) || existsSync(`${path}.part`)).toBe(false);
  });

  it('refuses to replace a file of the same name that is another', async () => {
    const path = target();
    await download(`${base}/good`, path, { sha256 });
    writeFileSync(path, 'my own');
    await expect(download(`${base}/good`, path, { sha256 })).rejects.toThrow(/delete it to fetch it again/);
    expect(readFileSync(path, 'utf8')).toBe('my own');
  });

  it('does not ask again after a 404, but does after a 503', async () => {
    await expect(download(`${base}/missing`, target(), { sha256, retryDelay: 1 })).rejects.toThrow(/404 Not Found/);
    expect(requests).toHaveLength(1);
    await expect(download(`${base}/broken`, target(), { sha256, retryDelay: 1 })).rejects.toThrow(/503/);
    expect(requests).toHaveLength(5);
  });
});
