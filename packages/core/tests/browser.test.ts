import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as browser from '../src/browser.js';
import * as core from '../src/index.js';

const source = fileURLToPath(new URL('../src', import.meta.url));

/** Every module that a module leads to at run time: those of core by path, others by name. */
function reached(entry: string): { files: Map<string, string>; packages: Set<string> } {
  const files = new Map<string, string>();
  const packages = new Set<string>();
  const queue = [resolve(source, entry)];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (files.has(path)) continue;
    const text = readFileSync(path, 'utf8');
    files.set(path, text);
    for (const [, from, alone] of text.matchAll(
      /^(?:import|export) (?!type\b)[^;]*?from '([^']+)';|^import '([^']+)';/gm,
    )) {
      const name = from ?? alone;
      if (name.startsWith('.')) queue.push(resolve(dirname(path), name.replace(/\.js$/, '.ts')));
      else packages.add(name);
    }
  }
  return { files, packages };
}

/** Source text without its comments. */
const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');

describe('@cadenza/core/browser', () => {
  it('leads to no module but its own and those of TensorFlow.js', () => {
    const { files, packages } = reached('browser.ts');
    expect(files.size).toBeGreaterThan(50);
    expect([...packages].sort()).toEqual([
      '@tensorflow/tfjs-backend-cpu',
      '@tensorflow/tfjs-core',
      '@tensorflow/tfjs-layers',
    ]);
  });

  it('uses no global of Node', () => {
    const { files } = reached('browser.ts');
    const users = [...files].filter(([, text]) => /\b(Buffer\.|process\.|setImmediate\(|require\()/.test(code(text)));
    expect(users.map(([path]) => relative(source, path))).toEqual([]);
  });

  it('would notice a module that needs files', () => {
    const { files, packages } = reached('index.ts');
    expect([...packages]).toContain('node:fs');
    expect(files.has(resolve(source, 'training/trainer.ts'))).toBe(true);
  });

  it('gives the same things as the whole, and only fewer of them', () => {
    const whole: Record<string, unknown> = core;
    for (const [name, value] of Object.entries(browser)) expect(whole[name], name).toBe(value);
    expect(
      Object.keys(core)
        .filter((name) => !(name in browser))
        .sort(),
    ).toEqual([
      ...['CheckpointStore', 'EventWriter', 'MetricsLog', 'Trainer', 'defaultFileSystem', 'readMetrics'],
      ...['readSafetensors', 'replaceFile', 'truncateMetrics', 'writeSafetensors'],
    ]);
  });
});
