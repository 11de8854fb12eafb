import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import * as core from '../../src/index.js';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

beforeAll(() => tf.setBackend('cpu'));

describe('The README', () => {
  it('opens with the two examples that these tests run', () => {
    const blocks = [...read('README.md').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    expect(blocks.slice(0, 2)).toEqual([read('examples/layers.ts'), read('examples/languageModel.ts')]);
  });

  it('shows an LSTM that learns inside tf.sequential', async () => {
    const { losses } = await import('../../examples/layers.js');
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]);
  });

  it('shows a language model that learns its line by heart', async () => {
    const { written } = await import('../../examples/languageModel.js');
    expect(written).toBe('she sells sea shells by the sea. ');
  });

  it('shows one that is written with int8 weights', async () => {
    const blocks = [...read('README.md').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    expect(blocks).toContain(read('examples/streaming.ts'));
    const { streamed } = await import('../../examples/streaming.js');
    expect(streamed).toBe('she sells sea shells by the sea. ');
  });

  it('shows attention at work on words that were not learnt from', async () => {
    const blocks = [...read('README.md').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    expect(blocks).toContain(read('examples/reversal.ts'));
    const { reversed } = await import('../../examples/reversal.js');
    expect(reversed).toEqual(['edacaf', 'daeb', 'egdeh']);
  });

  it('names only what core exports', () => {
    const section = read('README.md').split('## What is in it')[1].split('\n## ')[0];
    const named = [...section.matchAll(/^\| ([^|]+) \|/gm)]
      .slice(2)
      .flatMap(([, cell]) => [...cell.matchAll(/`(\w+)`/g)].map((m) => m[1]));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !(name in core))).toEqual([]);
  });
});
