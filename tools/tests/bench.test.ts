import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPyTorch } from '../bench/peers.mjs';
import { alternate } from '../bench/rows.mjs';
import { trainingFlopsPerToken } from '../bench/sizes.mjs';
import { median } from '../bench/statistics.mjs';
import { formatBench } from '../bench/table.mjs';
import { workspaceRoot } from '../scripts/workspace.mjs';

const script = join(workspaceRoot, 'tools', 'scripts', 'bench.mjs');
const bench = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });

describe('median', () => {
  it('is the middle value, or the mean of the two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(() => median([])).toThrow('at least one');
  });
});

describe('alternate', () => {
  it('runs ours and the peers in turn and gives the median of each', async () => {
    const order: string[] = [];
    const figures = { ours: [1, 9, 3], peer: [5, 4, 6] };
    const runner = (name: 'ours' | 'peer') => async () => {
      order.push(name);
      return figures[name].shift()!;
    };
    const medians = await alternate(3, { ours: runner('ours'), peer: runner('peer') });
    expect(medians).toEqual({ ours: 3, peer: 5 });
    expect(order).toEqual(['ours', 'peer', 'ours', 'peer', 'ours', 'peer']);
  });
});

describe('trainingFlopsPerToken', () => {
  it('counts the products of the layers and the output, once forward and twice backward', () => {
    // Two layers, each 4 H columns from H inputs and H states; 65 symbols; two operations a weight, three times.
    const [H, symbols] = [128, 65];
    expect(trainingFlopsPerToken(H)).toBe(6 * (2 * (H * 4 * H + H * 4 * H) + H * symbols));
  });
});

describe('findPyTorch', () => {
  it('says of a python that is not there that it is left out', async () => {
    const { peers, missing } = await findPyTorch(['/no/such/python']);
    expect(peers).toEqual([]);
    expect(missing).toEqual(['pytorch: /no/such/python is not there']);
  });
});

describe('formatBench', () => {
  it('sets our figures beside the peers, with a dash where a peer was not measured', () => {
    const row = (name: string, tokens_per_second: number, peers: object, ratio: number | null) => ({
      ...{ name, precision: 'f32', backend: 'native', threads: 2, tokens_per_second, peers, ratio },
    });
    const text = formatBench({
      machine: { cpu: 'Processor', cores: 2, memory_gb: 8, platform: 'linux-x64', node: 'v20.0.0' },
      left_out: ['pytorch: python3 cannot import torch'],
      training: [
        row('lm-h128', 120_000, { pytorch: { version: '2.15.0+cpu', tokens_per_second: 60_000 } }, 2),
        row('lm-h256', 36_000, {}, null),
      ],
      generation: [],
      gemm: [],
    });
    expect(text.split('\n')).toEqual([
      'Processor, 2 cores, 8 GB, linux-x64, Node v20.0.0',
      '',
      'tokens/s  precision  backend       ours  pytorch 2.15.0  ratio',
      'lm-h128   f32        native x2  120,000          60,000   2.00',
      'lm-h256   f32        native x2   36,000               -      -',
      '',
      'left out: pytorch: python3 cannot import torch',
    ]);
  });
});

describe('npm run bench', () => {
  it('refuses a row it does not have in one line, with exit code 2', () => {
    const { status, stderr } = bench('--only', 'lm-h1024');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: Expected --only to be one of training, lm-h128, .*, got lm-h1024\n$/);
  });

  it('prints one JSON object with the parts and says what was left out', () => {
    const args = [
      '--only',
      'gemm-1024',
      '--rounds',
      '1',
      '--seconds',
      '0.1',
      '--python',
      '/no/such/python',
      '--no-build',
    ];
    const { status, stdout, stderr } = bench('--json', ...args);
    expect(stderr).toContain('left out: pytorch: /no/such/python is not there');
    expect(status).toBe(0);
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual(
      expect.arrayContaining(['machine', 'training', 'generation', 'gemm', 'speech', 'translation']),
    );
    expect(result.gemm).toHaveLength(1);
    expect(result.gemm[0].gflops).toBeGreaterThan(0);
    expect(result.gemm[0].ratio).toBeNull();
  });
});
