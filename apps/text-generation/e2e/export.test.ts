import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { cadenzaText, lastObject, scratchFolder, type CommandResult } from './command.js';

const folder = scratchFolder();
const run = join(folder, 'run');
const normed = join(folder, 'normed');
const data = join(folder, 'licence.txt');
const cpu = ['--backend', 'cpu'];
const exported = { bf16: join(folder, 'bf16'), int8: join(folder, 'int8'), f32: join(folder, 'f32') };

interface Exported {
  bytes: { before: number; after: number };
  nats_per_char: { before: number; after: number; difference: number; split: string };
  weights: string;
}

async function train(directory: string, ...more: string[]): Promise<void> {
  const options = [
    '--preset',
    'tiny',
    '--set',
    'hiddenSize=24',
    '--max-steps',
    '60',
    '--batch',
    '8',
    '--quiet',
    ...cpu,
  ];
  const result = await cadenzaText(['train', '--data', data, '--run', directory, ...options, ...more]);
  expect(result).toMatchObject({ code: 0, stderr: '' });
}

const write = (directory: string, ...more: string[]): Promise<CommandResult> =>
  cadenzaText([
    ...['generate', '--run', directory, '--prompt', 'the ', '--length', '300', '--seed', '3', '--quiet'],
    ...(more.includes('--backend') ? [] : cpu),
    ...more,
  ]);

beforeAll(async () => {
  writeFileSync(data, readFileSync(fileURLToPath(new URL('../../../LICENSE', import.meta.url))));
  await train(run);
  await train(normed, '--layer-norm');
});

describe('export', () => {
  it('makes a small folder and says what it saves and costs', async () => {
    for (const [weights, part] of [
      ['bf16', 0.6],
      ['int8', 0.4],
      ['f32', 1.01],
    ] as const) {
      const output = exported[weights];
      const result = await cadenzaText([
        ...['export', '--run', run, '--output', output, '--weights', weights, '--data', '--json', ...cpu],
      ]);
      expect(result.code).toBe(0);
      const { bytes, nats_per_char: loss, ...rest } = lastObject<Exported>(result);
      expect(rest).toMatchObject({ weights, output, run, step: expect.any(Number) });
      expect(readdirSync(output).sort()).toEqual(['config.json', 'vocabulary.json', 'weights.safetensors']);
      expect(bytes.after).toBe(statSync(join(output, 'weights.safetensors')).size);
      expect(bytes.after).toBeLessThan(part * bytes.before);
      expect(loss.split).toBe('validation');
      expect(Math.abs(loss.difference)).toBeLessThan(0.005);
      expect(loss.difference === 0).toBe(weights === 'f32');
    }
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('shows people a table', async () => {
    const output = join(folder, 'table');
    const { stdout, stderr, code } = await cadenzaText([
      'export',
      '--run',
      run,
      '--output',
      output,
      '--weights',
      'int8',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +f32 +int8 +change\nbytes +\d+ +\d+ +\d\d\.\d %\n$/);
    expect(stderr).toContain(`exported: ${output}`);
  });
});

describe('an exported folder', () => {
  it('writes the text that the run writes with the same weights', async () => {
    for (const weights of ['bf16', 'int8', 'f32'] as const) {
      const own = await write(run, '--weights', weights);
      expect(own).toMatchObject({ code: 0, stderr: '' });
      expect(await write(exported[weights])).toEqual(own);
    }
    expect((await write(run)).stdout).toBe((await write(run, '--weights', 'f32')).stdout);
  });

  it('is measured, scored and looked into like a run', async () => {
    const measured = await cadenzaText(['evaluate', '--run', exported.int8, '--json', ...cpu]);
    const own = await cadenzaText(['evaluate', '--run', run, '--json', ...cpu]);
    const loss = (result: CommandResult): number =>
      lastObject<{ stream: { nats_per_char: number } }>(result).stream.nats_per_char;
    expect(Math.abs(loss(measured) - loss(own))).toBeLessThan(0.005);
    expect(loss(measured)).not.toBe(loss(own));
    expect(lastObject(measured)).toMatchObject({ weights: 'int8', split: 'validation' });
    const scored = await cadenzaText(['score', '--run', exported.bf16, '--text', 'the ', '--json', ...cpu]);
    expect(lastObject(scored)).toMatchObject({ characters: 4 });
    expect((await cadenzaText(['inspect', '--run', exported.int8, ...cpu])).code).toBe(0);
    const chat = await cadenzaText(['chat', '--run', exported.int8, '--seed', '1', ...cpu], { input: 'the\nof\n' });
    expect(chat.stdout.length).toBeGreaterThan(400);
  });

  it('can be exported again, and is not trained on', async () => {
    const again = join(folder, 'again');
    const result = await cadenzaText(['export', '--run', exported.bf16, '--output', again, '--weights', 'int8']);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/bf16 +int8/) });
    const resumed = await cadenzaText(['train', '--run', exported.bf16, '--resume', ...cpu]);
    expect(resumed).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: Expected --run to be a run to resume/),
    });
  });
});

describe('a network with layer normalisation', () => {
  it('is exported and written with, its weights rounded, and says how', async () => {
    const output = join(folder, 'normed-int8');
    const result = await cadenzaText(['export', '--run', normed, '--output', output, '--weights', 'int8']);
    expect(result.code).toBe(0);
    const own = await cadenzaText([
      'generate',
      '--run',
      normed,
      '--weights',
      'int8',
      '--seed',
      '3',
      '--prompt',
      'a',
      ...cpu,
    ]);
    expect(own.stderr).toMatch(/weights rounded to int8, computed with as float32/);
    const other = await cadenzaText(['generate', '--run', output, '--seed', '3', '--prompt', 'a', ...cpu]);
    expect(other.stdout).toBe(own.stdout);
  });
});

describe('refused with one line and exit code 2:', () => {
  const damaged = (name: string, damage: (directory: string) => void): string => {
    const directory = join(folder, `damaged-${name}`);
    cpSync(exported.int8, directory, { recursive: true });
    damage(directory);
    return directory;
  };
  const path = (...names: string[]): string => join(folder, ...names);
  const cases: [string, () => string[], RegExp][] = [
    [
      'a format that does not exist',
      () => ['export', '--run', run, '--output', path('no'), '--weights', 'int4'],
      /Expected one of f32, bf16, int8.*did you mean int8\?/,
    ],
    ['one to write with, too', () => ['generate', '--run', run, '--weights', 'f16'], /Expected one of f32, bf16, int8/],
    ['no place to export to', () => ['export', '--run', run], /--output <folder>/],
    [
      'a folder with files in it',
      () => ['export', '--run', run, '--output', run],
      /Expected --output to be a new or empty folder, got one with files: .*run$/,
    ],
    [
      'a file in place of a folder',
      () => ['export', '--run', run, '--output', data],
      /Expected --output to be a folder, got a file: .*licence\.txt$/,
    ],
    [
      'a checkpoint of an exported folder',
      () => ['generate', '--run', exported.int8, '--checkpoint', 'latest'],
      /Expected no --checkpoint for an exported folder, got latest: it has one/,
    ],
    [
      'changed weights',
      () => ['generate', '--run', damaged('changed', (at) => appendFileSync(join(at, 'weights.safetensors'), 'x'))],
      /weights\.safetensors to have the SHA-256 .* of config\.json, got .*: the file is truncated or damaged; export it again/,
    ],
    [
      'missing weights',
      () => ['score', '--text', 'a', '--run', damaged('missing', (at) => rmSync(join(at, 'weights.safetensors')))],
      /Expected the exported weights at .*weights\.safetensors, got: .*nothing there/,
    ],
    [
      'a damaged description',
      () => [
        ...['evaluate', '--run'],
        damaged('description', (at) => {
          const file = join(at, 'config.json');
          const description = JSON.parse(readFileSync(file, 'utf8'));
          writeFileSync(file, JSON.stringify({ ...description, exported: { weights: 'int4' } }));
        }),
      ],
      /Expected exported in .*config\.json to name weights of f32, bf16, int8, .*got \{"weights":"int4"\}; it is damaged/,
    ],
  ];
  for (const [name, call, message] of cases) {
    it(name, async () => {
      mkdirSync(folder, { recursive: true });
      const { stdout, stderr, code } = await cadenzaText(call());
      expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(message)]);
      expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    });
  }
});
