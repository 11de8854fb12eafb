import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, Server, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Script } from 'node:vm';
import { InputError } from '@cadenza/core';
import type { Hono } from 'hono';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { checkOrigin } from '../../src/index.js';
import { hostCheck } from '../../src/server/access.js';
import {
  BusyError,
  createApi,
  limitBodies,
  markup,
  readBody,
  readBytes,
  readPieces,
  serveUntilStopped,
  SharedMemory,
  streamBody,
  streamEvents,
  tryPage,
} from '../../src/server/index.js';

const schema = z.strictObject({ text: z.string(), beam: z.int().min(1).max(8).default(5) });

function echo(origin?: string) {
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const api = createApi({ about: { run: 'runs/x' }, output: { say, warn: say }, origin });
  api.post('/echo', limitBodies({ each: 100 }), (context) => context.json(readBody(context, schema)));
  api.post('/fail', () => {
    throw new Error('Broken\nin two');
  });
  api.post('/busy', () => {
    throw new BusyError('Expected fewer');
  });
  api.post('/wrong', () => {
    throw new InputError('Expected better');
  });
  const post = async (path: string, body?: string | Uint8Array<ArrayBuffer>) => {
    const response = await api.request(path, { method: 'POST', body });
    return { status: response.status, ...((await response.json()) as object) };
  };
  return { api, said, post };
}

describe('createApi', () => {
  it('says how the server is, and answers', async () => {
    const { api, said, post } = echo();
    expect(await (await api.request('/health')).json()).toEqual({ status: 'ok', run: 'runs/x' });
    expect(await post('/echo', '{"text":"a"}')).toEqual({ status: 200, text: 'a', beam: 5 });
    expect(said.map((line) => line.replace(/\d+ ms/, 'n ms'))).toEqual([
      'GET /health 200, n ms',
      'POST /echo 200, n ms',
    ]);
  });

  it('says in one line what is wrong with a body, and where', async () => {
    const { post } = echo();
    const wrong = async (body: string | Uint8Array<ArrayBuffer>) => post('/echo', body);
    expect(await wrong('{"text":5}')).toEqual({ status: 400, error: 'Expected text to be a string, got 5' });
    expect(await wrong('{"text":"a","beam":9}')).toEqual({
      status: 400,
      error: 'Expected beam to be at most 8, got 9',
    });
    expect(await wrong('{"text":"a","bean":4}')).toMatchObject({ status: 400, error: expect.stringContaining('beam') });
    expect(await wrong('[1]')).toEqual({ status: 400, error: 'Expected the body to be one JSON object, got a list' });
    expect(await wrong('')).toMatchObject({ status: 400, error: expect.stringContaining('to be JSON, got ') });
    expect(await wrong(Uint8Array.of(34, 0xff, 34))).toEqual({
      status: 400,
      error: 'Expected the body to be UTF-8, got other bytes',
    });
    expect(await wrong(JSON.stringify({ text: 'x'.repeat(100) }))).toEqual({
      status: 413,
      error: 'Expected a body of at most 100 bytes, got more',
    });
  });

  it('tells wrong requests, failed work and a busy server apart', async () => {
    const { api, said, post } = echo();
    expect(await post('/wrong')).toEqual({ status: 400, error: 'Expected better' });
    expect(await post('/fail')).toEqual({ status: 500, error: 'Broken in two' });
    expect(said).toContain('error: POST /fail: Broken in two');
    const busy = await api.request('/busy', { method: 'POST' });
    expect([busy.status, busy.headers.get('retry-after'), await busy.json()]).toEqual([
      503,
      '1',
      { error: 'Expected fewer' },
    ]);
    expect(await post('/ecko')).toEqual({
      status: 404,
      error: 'Expected one of GET /health, POST /echo, POST /fail, POST /busy, POST /wrong, got POST /ecko',
    });
  });

  it('says which methods a path has to who asks by another', async () => {
    const { api } = echo();
    const asked = async (method: string, path: string) => {
      const { status, headers } = await api.request(path, { method });
      return [status, headers.get('allow')];
    };
    const wrong = await api.request('/echo');
    expect([wrong.status, wrong.headers.get('allow'), await wrong.json()]).toEqual([
      ...[405, 'POST', { error: 'Expected POST /echo, got GET /echo' }],
    ]);
    expect(await asked('DELETE', '/health')).toEqual([405, 'GET, HEAD']);
    expect(await asked('OPTIONS', '/health')).toEqual([405, 'GET, HEAD']);
    expect(await asked('HEAD', '/health')).toEqual([200, null]);
    expect(await asked('GET', '/ech')).toEqual([404, null]);
  });

  it('does nothing for a page of elsewhere, which could not read the answer', async () => {
    const asked = async (headers: Record<string, string>, origin?: string) => {
      const body = '{"text":"a"}';
      return (await echo(origin).api.request('/echo', { method: 'POST', body, headers })).status;
    };
    const elsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://example.com' };
    expect(await asked(elsewhere)).toBe(403);
    expect(await asked({ ...elsewhere, 'sec-fetch-site': 'same-site' })).toBe(403); // another port
    expect(await asked(elsewhere, 'https://example.org')).toBe(403);
    expect(await asked(elsewhere, 'https://example.com')).toBe(200);
    expect(await asked(elsewhere, '*')).toBe(200);
    expect(await asked({ 'sec-fetch-site': 'same-origin', origin: 'http://localhost' })).toBe(200);
    // What browsers send to an address that is neither local nor encrypted.
    expect(await asked({ origin: 'http://example.com' })).toBe(403);
    expect(await asked({ origin: 'null' })).toBe(403);
    expect(await asked({ origin: 'http://example.com' }, 'http://example.com')).toBe(200);
    expect(await asked({ origin: 'https://localhost' })).toBe(200);
    const link = await echo().api.request('/health', { headers: elsewhere });
    expect(link.status).toBe(200);
  });

  it('has browsers take answers for what they are said to be', async () => {
    const { api } = echo();
    api.get('/stream', (context) => streamBody(context, async (answer) => void (await answer.write('<b>'))));
    for (const path of ['/health', '/stream', '/unknown', '/echo']) {
      expect((await api.request(path)).headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('says a path as it was sent, whatever it would do to a terminal', async () => {
    const { api, said } = echo();
    await api.request('/%1b%5b31m%0aGET');
    expect(said).toEqual([expect.stringMatching(/^GET \/%1b%5b31m%0aGET 404, /)]);
  });

  it('lets pages of the origin that is told ask, and of no other', async () => {
    const allowed = async (origin?: string) =>
      (await echo(origin).api.request('/health', { headers: { origin: 'https://example.org' } })).headers.get(
        'access-control-allow-origin',
      );
    expect(await allowed()).toBeNull();
    expect(await allowed('https://example.org')).toBe('https://example.org');
    expect(await allowed('https://example.com')).not.toBe('https://example.org');
    expect(await allowed('*')).toBe('*');
    expect(() => checkOrigin('example.org')).toThrow(
      'Expected --cors to be an origin such as https://example.org, or *, got example.org',
    );
    expect(() => checkOrigin('https://example.org/page')).toThrow('got https://example.org/page');
    checkOrigin('http://localhost:3000');
  });
});

describe('readBody', () => {
  it('says what is wrong in short, and at once', async () => {
    const { api, post } = echo();
    api.post('/long', limitBodies(), (context) => context.json(readBody(context, schema)));
    const blank = ' '.repeat(400_000);
    for (const body of [JSON.stringify({ [blank]: 1 }), JSON.stringify({ text: [blank] }), JSON.stringify(blank)]) {
      const { status, error } = (await post('/long', body)) as { status: number; error?: string };
      expect([status, error!.slice(0, 8)]).toEqual([400, 'Expected']);
      expect(error!.length).toBeLessThan(1100);
    }
  });

  it('refuses lists and objects that are too deep to be told of', async () => {
    const { api, post } = echo();
    api.post('/deep', limitBodies(), (context) => context.json(readBody(context, schema)));
    expect(await post('/deep', `{"text":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).toEqual({
      ...{ status: 400, error: 'Expected a few levels of lists and objects, got too many within one another' },
    });
  });
});

describe('limitBodies', () => {
  it('counts bodies together until their requests are answered, streams to their end', async () => {
    const { api, post } = echo();
    const limit = limitBodies({ each: 8, together: 10 });
    const waiting: (() => void)[] = [];
    const turn = () => new Promise<void>((resolve) => waiting.push(resolve));
    api.post('/wait', limit, async (context) => {
      await turn();
      return context.json({});
    });
    api.post('/stream', limit, (context) => streamBody(context, turn));
    const busy = { status: 503, error: expect.stringMatching(/^Expected requests to hold at most 10 bytes together/) };
    const first = post('/wait', '12345678');
    await vi.waitUntil(() => waiting.length === 1);
    expect(await post('/wait', '123')).toEqual(busy);
    waiting[0]();
    expect(await first).toEqual({ status: 200 });
    const stream = await api.request('/stream', { method: 'POST', body: '12345678' });
    expect(await post('/wait', '123')).toEqual(busy);
    waiting[1]();
    await stream.text();
    const last = post('/wait', '123');
    await vi.waitUntil(() => waiting.length === 3);
    waiting[2]();
    expect(await last).toEqual({ status: 200 });
  });

  it('holds nothing of a body that was refused', async () => {
    const { api, post } = echo();
    api.post('/short', limitBodies({ each: 8, together: 8 }), (context) => context.json(readBody(context, schema)));
    expect(await post('/short', '123456789')).toMatchObject({ status: 413 });
    expect(await post('/short', '1234567')).toMatchObject({ status: 400 });
    expect(await post('/short', '12345678')).toMatchObject({ status: 400 });
  });
});

describe('readBytes', () => {
  /** Says how long a body is, once it may go on. */
  function measuring() {
    const { api } = echo();
    const memory = new SharedMemory(10);
    const waiting: (() => void)[] = [];
    api.post('/measure', async (context) => {
      const holding = memory.open();
      try {
        const { length } = await readBytes(context, { maximumBytes: 20, holding });
        await new Promise<void>((resolve) => waiting.push(resolve));
        return context.json({ length });
      } finally {
        holding.release();
      }
    });
    return { api, waiting };
  }

  it('holds no more together than it may, but for one that is alone', async () => {
    const { api, waiting } = measuring();
    const post = async (length: number) => api.request('/measure', { method: 'POST', body: 'x'.repeat(length) });
    const alone = post(15);
    await vi.waitUntil(() => waiting.length === 1);
    const refused = await post(1);
    expect([refused.status, await refused.json()]).toEqual([
      503,
      { error: 'Expected requests to hold at most 10 bytes together, got 15 and 1 more; try again later' },
    ]);
    waiting[0]();
    expect(await (await alone).json()).toEqual({ length: 15 });
    const together = [post(4), post(6)];
    await vi.waitUntil(() => waiting.length === 3);
    expect((await post(1)).status).toBe(503);
    for (const proceed of waiting) proceed();
    for (const response of await Promise.all(together)) expect(response.status).toBe(200);
  });

  it('refuses a body that is too long, told before or found on the way', async () => {
    const { api } = measuring();
    for (const headers of [{ 'content-length': '21' }, undefined]) {
      const response = await api.request('/measure', { method: 'POST', body: 'x'.repeat(21), headers });
      expect([response.status, await response.json()]).toEqual([
        413,
        { error: 'Expected a body of at most 20 bytes, got more' },
      ]);
    }
  });
});

describe('a body that comes slowly', () => {
  afterEach(() => void vi.useRealTimers());

  it('has a minute, and more the more has come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { api } = echo();
    api.post('/long', limitBodies(), (context) => context.json(context.get('body').length));
    const begin = () => {
      let sender: ReadableStreamDefaultController<Uint8Array>;
      const body = new ReadableStream<Uint8Array>({ start: (controller) => void (sender = controller) });
      const response = Promise.resolve(api.request('/long', { method: 'POST', body, duplex: 'half' } as RequestInit));
      return { response, send: (size: number) => sender.enqueue(new Uint8Array(size)), end: () => sender.close() };
    };
    const settle = () => new Promise(setImmediate);
    const slow = begin();
    const quick = begin();
    quick.send(32_768);
    await settle();
    await vi.advanceTimersByTimeAsync(59_000);
    slow.send(1);
    await settle();
    await vi.advanceTimersByTimeAsync(2000);
    const response = await slow.response;
    expect([response.status, await response.json()]).toEqual([
      408,
      { error: 'Expected the body within 60 s and 1 s more for each 16384 bytes, got 1 bytes' },
    ]);
    quick.end();
    expect(await (await quick.response).json()).toBe(32_768);
  });

  it('may take hours where it is answered while it comes, but bring nothing for no more than a minute', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { api } = echo();
    let size = 0;
    api.post('/pieces', async (context) => {
      for await (const piece of readPieces(context)) size += piece.length;
      return context.json(size);
    });
    let sender: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (sender = controller) });
    const asked = Promise.resolve(api.request('/pieces', { method: 'POST', body, duplex: 'half' } as RequestInit));
    for (let minute = 1; minute <= 10; minute++) {
      await vi.advanceTimersByTimeAsync(59_000);
      sender!.enqueue(new Uint8Array(1));
      await new Promise(setImmediate);
      expect(size).toBe(minute);
    }
    await vi.advanceTimersByTimeAsync(61_000);
    const response = await asked;
    expect([response.status, await response.json()]).toEqual([
      408,
      { error: 'Expected more of the body within 60 s, or its end, got 10 bytes' },
    ]);
    expect(await (await api.request('/pieces', { method: 'POST' })).json()).toBe(10); // of no body
  });
});

describe('a stream', () => {
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['bytes', streamBody],
    ['events', streamEvents],
  ])('of %s is given up where nobody reads it', async (_, stream) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { api } = echo();
    let given = 0;
    let aborted = false;
    api.get('/stream', (context) =>
      stream(context, async (answer) => {
        for (; !answer.aborted; given++) await answer.write('piece');
        aborted = true;
      }),
    );
    const reader = (await api.request('/stream')).body!.getReader();
    for (let n = 0; n < 5; n++) {
      await vi.advanceTimersByTimeAsync(200_000);
      await reader.read();
    }
    expect(aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(301_000);
    expect([aborted, given < 10]).toEqual([true, true]);
  });
});

describe('tryPage', () => {
  it('asks no one but its own server, and its script is one', () => {
    const page = tryPage({
      title: 'Try',
      subtitle: 'it',
      form: markup`<form id="ask">${'<b>'}</form>`,
      script: 'show(1);',
    });
    expect(page).toContain("default-src 'none'");
    expect(page).toContain("connect-src 'self'");
    expect(page).toContain('<form id="ask">&lt;b&gt;</form>');
    const [, script] = /<script>\n([^]*?)\n<\/script>/.exec(page)!;
    expect(() => new Script(script)).not.toThrow();
  });
});

describe('serveUntilStopped', () => {
  /** Serves at a free port; gives the address, and what to call in the end. */
  async function serving(api = echo().api, host = '127.0.0.1') {
    const lines: string[] = [];
    const stop = new AbortController();
    const output = { say: (line: string) => void lines.push(line) };
    const done = serveUntilStopped(api, { host, port: 0 }, { output, signal: stop.signal } as never);
    while (lines.length === 0) await new Promise(setImmediate);
    return { url: /http:\S+(?=;)/.exec(lines[0])![0], stop: () => stop.abort(), done };
  }

  it('answers until it is stopped, and counts', async () => {
    const { url, stop, done } = await serving();
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok' });
    expect((await fetch(`${url}/echo`, { method: 'POST', body: '{"text":"é"}' })).status).toBe(200);
    stop();
    expect(await done).toEqual({ requests: 2, working: false });
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });

  it('finishes what it is answering', async () => {
    const { api } = echo();
    let arrived = (): void => {};
    let proceed = (): void => {};
    const waiting = new Promise<void>((resolve) => (arrived = resolve));
    api.get('/slow', async (context) => {
      arrived();
      await new Promise<void>((resolve) => (proceed = resolve));
      return context.json({ slow: true });
    });
    const { url, stop, done } = await serving(api);
    const answer = fetch(`${url}/slow`);
    await waiting;
    stop();
    const stopped = performance.now();
    proceed();
    expect(await (await answer).json()).toEqual({ slow: true });
    expect(await done).toEqual({ requests: 1, working: false });
    expect(performance.now() - stopped).toBeLessThan(2000); // an answered connection is kept for 5 s otherwise, 3 s by fetch
  });

  describe('what is cut off', () => {
    /** Stops while a path is asked, and lets the grace pass. */
    async function cutOff(api: Hono, waiting: Promise<void>) {
      const { url, stop, done } = await serving(api);
      const answer = fetch(`${url}/endless`).then((response) => response.text());
      const seen = answer.catch(() => 'cut off');
      await waiting;
      vi.useFakeTimers({ toFake: ['setTimeout'] });
      stop();
      await new Promise(setImmediate);
      vi.advanceTimersByTime(10_000);
      vi.useRealTimers();
      return { ended: await done, seen: await seen };
    }

    it('is waited for, for the model is freed next', async () => {
      const { api } = echo();
      let ended = false;
      let arrived = (): void => {};
      const waiting = new Promise<void>((resolve) => (arrived = resolve));
      api.get('/endless', async (context) => {
        arrived();
        await once(context.req.raw.signal, 'abort');
        await sleep(50); // until the next pause
        ended = true;
        return context.body(null);
      });
      expect(await cutOff(api, waiting)).toEqual({ ended: { requests: 1, working: false }, seen: 'cut off' });
      expect(ended).toBe(true);
    });

    it.each([
      ['bytes', streamBody],
      ['events', streamEvents],
    ])('is waited for as a stream of %s too, whose client sees it', async (_, stream) => {
      const { api } = echo();
      let ended = false;
      let arrived = (): void => {};
      const waiting = new Promise<void>((resolve) => (arrived = resolve));
      api.get('/endless', (context) =>
        stream(context, async (answer) => {
          const aborted = new Promise<void>((resolve) => answer.onAbort(resolve));
          await answer.write('begun');
          arrived();
          await aborted;
          await sleep(50);
          ended = true;
        }),
      );
      expect(await cutOff(api, waiting)).toEqual({ ended: { requests: 1, working: false }, seen: 'cut off' });
      expect(ended).toBe(true);
    });

    it('is told of where it goes on, for the model must stay', async () => {
      const { api } = echo();
      let arrived = (): void => {};
      const waiting = new Promise<void>((resolve) => (arrived = resolve));
      api.get('/endless', (context) =>
        streamBody(context, async () => {
          arrived();
          await new Promise(() => {});
        }),
      );
      expect(await cutOff(api, waiting)).toEqual({ ended: { requests: 1, working: true }, seen: 'cut off' });
    });
  });

  it('waits for no connection that asks nothing', async () => {
    const { url, stop, done } = await serving();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    await fetch(`${url}/health`);
    const stopped = performance.now();
    stop();
    await done;
    expect(performance.now() - stopped).toBeLessThan(5000); // the grace is 10 s
  });

  it('sets no time for a stream to arrive in, but looks whether its sender is there', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    const { stop, done } = await serving();
    expect(listen.mock.contexts).toMatchObject([{ requestTimeout: 0, keepAlive: true }]);
    listen.mockRestore();
    stop();
    await done;
  });

  it('is called by no name of elsewhere where only its own machine reaches it', async () => {
    const { api, said } = echo();
    const { url, stop, done } = await serving(api);
    const { port } = new URL(url);
    const asked = async (host: string) => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.end(`GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      return Buffer.concat((await socket.toArray()) as Buffer[]).toString();
    };
    for (const host of ['localhost', `LOCALHOST:${port}`, '127.0.0.1:1', '127.8.9.1', `[::1]:${port}`]) {
      expect(await asked(host)).toMatch(/^HTTP\/1\.1 200 /);
    }
    for (const host of ['example.org', `rebound.example.org:${port}`, 'localhost.example.org', '0.0.0.0', '10.0.0.1']) {
      expect(await asked(host)).toMatch(/^HTTP\/1\.1 403 /);
    }
    expect(await asked('example.org:80')).toContain(
      '{"error":"Expected Host to be localhost, a loopback address or --host, got example.org"}',
    );
    expect(said).toContainEqual(expect.stringMatching(/^GET \/health 403, /));
    stop();
    await done;
  });

  it('is called by the name that it was told to listen at, and by any where others reach it', () => {
    const known = hostCheck({ host: 'Machine.example', address: '127.0.1.1' });
    expect(['machine.example', 'localhost', 'example'].map(known)).toEqual([true, true, false]);
    expect(hostCheck({ host: '::1', address: '::1' })('[::1]')).toBe(true);
    expect(hostCheck({ host: '0.0.0.0', address: '0.0.0.0' })('example.org')).toBe(true);
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((found) => found?.some(({ address }) => address === '::1'));
  it.runIf(hasIpv6)('answers at an IPv6 address, also who names no host', async () => {
    const { url, stop, done } = await serving(undefined, '::1');
    const socket = connect(Number(new URL(url).port), '::1');
    socket.end('GET /health HTTP/1.0\r\n\r\n');
    const pieces = (await socket.toArray()) as Buffer[];
    expect(Buffer.concat(pieces).toString()).toMatch(/^HTTP\/1\.1 200 /);
    stop();
    await done;
  });

  it('tells who went away from what failed', async () => {
    const { api, said } = echo();
    api.post('/wait', async (context) => {
      const { signal } = context.req.raw;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    });
    const { url, stop, done } = await serving(api);
    for (const [path, size] of [
      ['/echo', 20],
      ['/wait', 5],
    ] as const) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n{"te"`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      socket.destroy();
    }
    await vi.waitFor(() => expect(said).toHaveLength(2));
    expect(said.map((line) => line.replace(/\d+ ms/, 'n ms'))).toEqual([
      'POST /echo given up, n ms',
      'POST /wait given up, n ms',
    ]);
    stop();
    await done;
  });

  it('says where it cannot listen', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const context = { output: { say: () => {} }, signal: new AbortController().signal } as never;
    await expect(serveUntilStopped(echo().api, { host: '127.0.0.1', port }, context)).rejects.toThrow(
      `Expected --port to be free, got one that another program listens at: 127.0.0.1:${port}`,
    );
    other.close();
    await expect(serveUntilStopped(echo().api, { host: '203.0.113.7', port: 0 }, context)).rejects.toThrow(
      'Expected --host to be an address of this machine, got another: 203.0.113.7:0',
    );
  });
});
