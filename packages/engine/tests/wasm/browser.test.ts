import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from 'vite';

const example = fileURLToPath(new URL('../../examples/browser', import.meta.url));
const chromium = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => name && spawnSync(name, ['--version']).status === 0,
);
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

interface Result {
  backend: string;
  text: string;
  written: string;
  losses: number[];
  leaked: number;
  error?: string;
}

/** Added to the built page: sends what it found, or what went wrong, to the server. */
const REPORTER = `<script>
  const report = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) });
  addEventListener('cadenza-trained', (event) => report(event.detail));
  addEventListener('error', (event) => report({ error: event.message }));
  addEventListener('unhandledrejection', (event) => report({ error: String(event.reason) }));
</script>`;

describe('the example page', () => {
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cadenza-browser-'));
    await build({
      root: example,
      configFile: false,
      logLevel: 'warn',
      base: './',
      resolve: { conditions: ['@cadenza/source', 'browser', 'module', 'import', 'default'] },
      build: { outDir: join(folder, 'page'), target: 'es2022', minify: false, emptyOutDir: true },
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));

  /** Serves the page; the promise is what it reports. */
  function serve(): { server: Server; result: Promise<Result> } {
    let server!: Server;
    const result = new Promise<Result>((resolve) => {
      server = createServer((request, response) => {
        const path = request.url === '/' ? '/index.html' : request.url!.split('?')[0];
        if (path === '/result') {
          let body = '';
          request.on('data', (chunk) => (body += chunk));
          request.on('end', () => resolve(JSON.parse(body) as Result));
          response.end();
          return;
        }
        try {
          let content = readFileSync(join(folder, 'page', path));
          if (path === '/index.html') content = Buffer.from(content.toString().replace('<head>', `<head>${REPORTER}`));
          response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream').end(content);
        } catch {
          response.writeHead(404).end();
        }
      });
    });
    return { server, result };
  }

  it('is bundled with the WebAssembly module and nothing of Node', () => {
    const files = readdirSync(join(folder, 'page/assets'));
    const [module] = files.filter((name) => name.endsWith('.wasm'));
    const committed = readFileSync(new URL('../../wasm/cadenza.wasm', import.meta.url));
    expect(readFileSync(join(folder, 'page/assets', module)).equals(committed)).toBe(true);
    const scripts = files.filter((name) => name.endsWith('.js'));
    const text = scripts.map((name) => readFileSync(join(folder, 'page/assets', name), 'utf8')).join('');
    expect(text).toContain('cadenza-wasm');
    expect(text).not.toMatch(/createRequire|__vite-browser-external:node/);
  });

  it.skipIf(!chromium)(
    `trains a character model on the WebAssembly kernels in ${chromium ?? 'a browser (none here, and $CHROMIUM names none)'}`,
    async () => {
      const { server, result } = serve();
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
      const profile = `--user-data-dir=${join(folder, 'profile')}`;
      const browser = spawn(chromium!, [...options, profile, address], { stdio: 'ignore' });
      const exited = new Promise((resolve) => browser.once('exit', resolve));
      try {
        const early = exited.then(() => Promise.reject(new Error(`${chromium} ended before the page had reported`)));
        const { error, backend, text, written, losses, leaked } = await Promise.race([result, early]);
        expect(error).toBeUndefined();
        expect(backend).toBe('cadenza-wasm');
        expect(losses).toHaveLength(150);
        expect(losses[0]).toBeGreaterThan(2);
        expect(losses.at(-1)).toBeLessThan(0.2);
        expect(written).toBe(text);
        // Adam's moments, two for each of the model's parameters.
        expect(leaked).toBeLessThanOrEqual(20);
      } finally {
        browser.kill();
        await exited;
        server.closeAllConnections();
        server.close();
      }
    },
  );
});
