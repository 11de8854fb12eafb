import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isBuilt } from './onBoth.js';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Beside the package's own folders, because the engine looks for its addon from there. */
const folder = file('../.tfjsSpecs');
const bundle = `${folder}/bundle.mjs`;

describe.skipIf(!isBuilt)('TensorFlow.js’s own specifications', () => {
  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    await build({
      entryPoints: [file('./tfjsSpecs/entry.mjs')],
      outfile: bundle,
      bundle: true,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      conditions: ['@cadenza/source', 'import'],
      external: ['jasmine-core', 'jasmine-core/*'],
      // The package declares its specifications free of side effects.
      ignoreAnnotations: true,
      banner: {
        js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
      },
      logLevel: 'error',
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('hold on the native backend, all of them', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [bundle, 'native'], { maxBuffer: 2 ** 26 });
    const { passed, failed } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { passed: number; failed: string[] };
    expect(failed).toEqual([]);
    // 4225 with TensorFlow.js 4.22; fewer would mean that they are no longer found.
    expect(passed).toBeGreaterThan(4200);
  }, 120_000);
});
