import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compete } from '../bench/contest.mjs';
import { onnxStepModel } from '../bench/onnxModel.mjs';
import { findPackages, findPyTorch } from '../bench/peers.mjs';
import { rowOf } from '../bench/row.mjs';
import { Runner, lastWords } from '../bench/runner.mjs';
import { trainingFlopsPerToken } from '../bench/sizes.mjs';
import { draw, median } from '../bench/statistics.mjs';
import { formatBench } from '../bench/table.mjs';
import { translationRow, translationRows } from '../bench/translationRows.mjs';
import { targetTokens, translationFlops, translationTask } from '../bench/translationTask.mjs';
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

describe('lastWords', () => {
  it.each([
    [
      '/a.mjs:3\n  throw new InputError()\n\nInputError: Expected logits\n    at x\n\nNode.js v20.20.2\n',
      'InputError: Expected logits',
    ],
    [
      'Traceback\n  File "x.py"\nModuleNotFoundError: No module named torch',
      'ModuleNotFoundError: No module named torch',
    ],
    ['error: no such backend\n', 'error: no such backend'],
    ['a warning\nkilled', 'killed'],
    ['', 'it ended without a word'],
  ])('of %j', (written, words) => expect(lastWords(written)).toBe(words));
});

describe('draw', () => {
  it('takes the only likely index, whatever the size of the logits', () => {
    expect(draw([-1000, 5000, 0])).toBe(1);
    expect(draw([0, -Infinity])).toBe(0);
  });
});

describe('compete', () => {
  const contender = (name: string, figures: number[], log: string[], options: object = {}) => ({
    name,
    ...options,
    start: async () => ({
      about: { version: `${name} 1` },
      measure: async (seconds: number) => {
        log.push(`${name} ${seconds}`);
        return { speed: figures.shift()! };
      },
      stop: () => void log.push(`${name} stops`),
    }),
  });

  it('lets all take turns after one to warm up, the slow ones in fewer, and gives the median of each', async () => {
    const log: string[] = [];
    const contenders = [
      contender('ours', [50, 1, 9, 3], log),
      contender('slow', [5, 4], log, { rounds: 2, seconds: 7 }),
    ];
    const { results, missing } = await compete(contenders, { rounds: 3, seconds: 1 });
    expect(results).toEqual({
      ours: { about: { version: 'ours 1' }, figures: { speed: 3 } },
      slow: { about: { version: 'slow 1' }, figures: { speed: 4.5 } },
    });
    expect(missing).toEqual([]);
    expect(log).toEqual(['ours 1', 'ours 1', 'slow 7', 'ours 1', 'slow 7', 'ours 1', 'ours stops', 'slow stops']);
  });

  it('leaves out one that ends while it is measured, and goes on with the others', async () => {
    const log: string[] = [];
    const ended = {
      about: { version: 'ended 1' },
      measure: () => Promise.reject(new Error('killed')),
      stop: () => void log.push('ended stops'),
    };
    const contenders = [{ name: 'ended', start: async () => ended }, contender('ours', [50, 2, 4], log)];
    const { results, missing } = await compete(contenders, { rounds: 2, seconds: 1 });
    expect(results).toEqual({ ours: { about: { version: 'ours 1' }, figures: { speed: 3 } } });
    expect(missing).toEqual(['ended: killed']);
    expect(log).toEqual(['ours 1', 'ours 1', 'ours 1', 'ended stops', 'ours stops']);
  });

  it('leaves out who cannot do it or does not start and says why, and who stands beside them', async () => {
    const log: string[] = [];
    const unable = { about: { unsupported: 'no such precision' }, measure: async () => ({}), stop: () => {} };
    const { results, missing } = await compete(
      [
        contender('ours', [50, 2], log),
        contender('peer', [50, 3], log, { beside: 'ours' }),
        { name: 'unable', start: async () => unable },
        { name: 'absent', start: () => Promise.reject(new Error('not there')) },
        contender('its peer', [], log, { beside: 'unable' }),
      ],
      { rounds: 1, seconds: 1 },
    );
    expect(Object.keys(results)).toEqual(['ours', 'peer']);
    expect(missing).toEqual(['unable: no such precision', 'absent: not there']);
  });
});

describe('Runner', () => {
  it('asks a process line by line, past what libraries print', async () => {
    const child = `console.log('a banner'); console.log('{"version":"1"}');
      process.stdin.on('data', (line) => console.log(JSON.stringify({ speed: 2 * JSON.parse(line).seconds })));`;
    const runner = await Runner.start(process.execPath, ['-e', child]);
    expect(runner.about).toEqual({ version: '1' });
    expect(await runner.measure(3)).toEqual({ speed: 6 });
    expect(await runner.measure(4)).toEqual({ speed: 8 });
    runner.stop();
  });

  it('says the last words of a process that ends, and that one is not there', async () => {
    await expect(Runner.start(process.execPath, ['-e', 'console.error("no memory"); process.exit(1)'])).rejects.toThrow(
      'no memory',
    );
    await expect(Runner.start('/no/such/program', [])).rejects.toThrow('ENOENT');
  });
});

describe('rowOf', () => {
  const result = (tokens_per_second: number, about: object = { version: '2' }) => ({
    about,
    figures: { tokens_per_second },
  });
  const own = { backend: 'native', threads: 2, isa: 'avx512', reason: 'backend native' };
  const results = {
    ...{ f32: result(100, own), bf16: result(240, own), 'tfjs-cpu': result(1) },
    ...{ 'pytorch f32': result(40), 'pytorch bf16': result(60), 'pytorch-1.13 f32': result(50, { version: '1.13' }) },
  };
  const pythons = [{ name: 'pytorch' }, { name: 'pytorch-1.13' }];
  const shared = { figure: 'tokens_per_second', pythons };

  it('sets ours over the fastest PyTorch of the same precision', () => {
    const row = rowOf(results, { ...shared, ours: 'f32', precision: 'f32', others: ['tfjs-cpu', 'brain.js'] });
    expect(row).toMatchObject({ backend: 'native', threads: 2, tokens_per_second: 100, ratio: 2 });
    expect(row).not.toHaveProperty('ratio_f32');
    expect(Object.keys(row.peers)).toEqual(['pytorch', 'pytorch-1.13', 'tfjs-cpu']);
  });

  it('gives a bf16 row the ratio to PyTorch in float32 too, and both figures', () => {
    const row = rowOf(results, { ...shared, ours: 'bf16', precision: 'bf16' });
    expect(row).toMatchObject({ tokens_per_second: 240, ratio: 4, ratio_f32: 4.8 });
    expect(row.peers).toMatchObject({
      pytorch: { version: '2', precision: 'bf16', tokens_per_second: 60 },
      'pytorch-f32': { precision: 'f32', tokens_per_second: 40 },
      'pytorch-1.13-f32': { version: '1.13', tokens_per_second: 50 },
    });
  });

  it('has no ratio without a PyTorch', () => {
    const row = rowOf(results, { ...shared, pythons: [], ours: 'bf16', precision: 'bf16' });
    expect(row).toMatchObject({ ratio: null, ratio_f32: null, peers: {} });
  });
});

describe('onnxStepModel', () => {
  it('is a protocol buffer whose weights make up its size', () => {
    const [V, H] = [5, 3];
    const bytes = onnxStepModel({ symbols: V, hidden: H, layers: 2 });
    const floats = V * H + 2 * (8 * H * H + 8 * H) + H * V + V;
    expect(bytes.length).toBeGreaterThan(4 * floats);
    expect(bytes.length).toBeLessThan(4 * floats + 1000);
    // Field 1, a varint: the version of the format.
    expect([...bytes.subarray(0, 2)]).toEqual([8, 8]);
  });
});

describe('trainingFlopsPerToken', () => {
  it('counts the products of the layers and the output, once forward and twice backward', () => {
    // Two layers, each 4 H columns from H inputs and H states; 65 symbols; two operations a weight, three times.
    const [H, symbols] = [128, 65];
    expect(trainingFlopsPerToken(H)).toBe(6 * (2 * (H * 4 * H + H * 4 * H) + H * symbols));
  });
});

describe('translationTask', () => {
  const task = translationTask();

  it('draws the same sentences every time, others from another seed', () => {
    expect(translationTask()).toEqual(task);
    expect(translationTask({ seed: 2 }).batches).not.toEqual(task.batches);
  });

  it('has batches of like lengths, short to long, whose sentences end once and hold no banned token', () => {
    const { banned, end } = task.tokens;
    const means = task.batches.map(({ source, target }) => {
      const lengths = target.map(({ length }) => length);
      expect([source.length, target.length]).toEqual([64, 64]);
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(2);
      for (const row of [...source, ...target]) {
        expect(row.indexOf(end)).toBe(row.length - 1);
        expect(row.filter((id) => banned.includes(id))).toEqual([]);
        expect([row.length >= 6, row.length <= 30]).toEqual([true, true]);
      }
      expect(Math.max(...source.flat())).toBeLessThan(task.model.sourceVocabularySize);
      expect(Math.max(...target.flat())).toBeLessThan(task.model.targetVocabularySize);
      return lengths.reduce((sum, length) => sum + length, 0) / 64;
    });
    expect(means).toEqual([...means].sort((a, b) => a - b));
    const mean = means.reduce((sum, value) => sum + value, 0) / means.length;
    expect(Math.abs(mean - 14)).toBeLessThan(1);
  });

  it('counts target tokens and the operations of every product', () => {
    const [E, V, He, H] = [3, 5, 2, 7];
    const model = { ...task.model, embeddingSize: E, targetVocabularySize: V };
    const sized = { ...model, encoder: { units: He, layers: 1 }, decoder: { ...model.decoder, units: H, layers: 2 } };
    // One sentence, 2 source tokens, 3 target tokens.
    const batches = [{ source: [[4, 2]], target: [[4, 4, 2]] }];
    expect(targetTokens(batches)).toBe(3);
    const C = 2 * He;
    const encoder = 2 * (2 * 4 * He * (E + He)) + 2 * C * H + 2 * (2 * C * H);
    const decoder = 3 * (4 * H * (E + H) + 4 * H * (H + C + H) + (H + C) * E + E * V);
    const attention = 2 * (2 * 3) * (H + C);
    expect(translationFlops({ model: sized, batches })).toBe(6 * (encoder + decoder + attention));
  });
});

describe('translationRow', () => {
  const task = translationTask();
  const own = { backend: 'native', threads: 2, reason: 'backend native' };
  const pythons = [{ name: 'pytorch' }];

  it('has the loss of both sides beside their speeds and operations', () => {
    const results = {
      f32: { about: { ...own, loss: 8.5 }, figures: { tokens_per_second: 4000 } },
      'pytorch f32': { about: { version: '2', loss: 8.5 }, figures: { tokens_per_second: 1000 } },
    };
    const what = { task, name: 'translation-train', figure: 'tokens_per_second', precision: 'f32', pythons };
    const row = translationRow(results, what);
    expect(row).toMatchObject({ name: 'translation-train', precision: 'f32', loss: 8.5, ratio: 4 });
    expect(row.peers.pytorch).toMatchObject({ loss: 8.5, tokens_per_second: 1000 });
    expect(row.gflops / row.peers.pytorch.gflops).toBeCloseTo(4, 2);
  });

  it('has the share of equal translations instead of the translations', () => {
    const result = (speed: number, about: object) => ({ about, figures: { sentences_per_second: speed } });
    const results = {
      f32: result(60, { ...own, translations: [[4, 5], [6], [7, 8], [9]] }),
      'pytorch f32': result(20, { version: '2', translations: [[4, 5], [6], [7, 9], [9]] }),
    };
    const what = { task, name: 'translation-beam5', figure: 'sentences_per_second', precision: 'f32', pythons };
    const row = translationRow(results, what);
    expect(row).toMatchObject({ sentences_per_second: 60, ratio: 3 });
    expect(row.peers.pytorch.same_translations).toBe(0.75);
    expect(JSON.stringify(row)).not.toContain('"translations"');
    expect(row).not.toHaveProperty('gflops');
  });
});

describe('findPyTorch', () => {
  it('says of a python that is not there that it is left out', async () => {
    const { peers, missing } = await findPyTorch(['/no/such/python']);
    expect(peers).toEqual([]);
    expect(missing).toEqual(['pytorch: /no/such/python is not there']);
  });
});

describe('findPackages', () => {
  it('finds what is installed and says what is not', () => {
    const { found, missing } = findPackages(['vitest', 'no-such-package'], ['/no/such/folder']);
    expect([...found.keys()]).toEqual(['vitest']);
    expect(missing).toEqual([
      'no-such-package: not installed (npm install no-such-package in a folder, then --peers FOLDER)',
    ]);
  });
});

describe('formatBench', () => {
  const machine = { cpu: 'Processor', cores: 2, memory_gb: 8, platform: 'linux-x64', node: 'v20.0.0' };
  const row = (name: string, precision: string, tokens_per_second: number, peers: object, ratios: object) => ({
    ...{ name, precision, backend: 'native', threads: 2, isa: 'avx512', tokens_per_second, peers, ...ratios },
  });

  it('sets our figures beside the peers, with a dash where a peer was not measured', () => {
    const pytorch = { version: '2.15.0+cpu', tokens_per_second: 60_000 };
    const text = formatBench({
      machine,
      left_out: ['brain.js: not installed'],
      training: [
        row('lm-h128', 'f32', 120_000, { pytorch }, { ratio: 2 }),
        row('lm-h128', 'bf16', 240_000, { 'pytorch-f32': pytorch }, { ratio: null, ratio_f32: 4 }),
      ],
      generation: [],
      gemm: [],
    });
    expect(text.split('\n')).toEqual([
      'Processor, 2 cores, 8 GB, linux-x64, Node v20.0.0',
      '',
      'training (native x2 avx512)',
      'tokens/s           ours  pytorch  ratio  /f32',
      'lm-h128   f32   120,000   60,000   2.00     -',
      'lm-h128   bf16  240,000        -      -  4.00',
      '',
      'peers: pytorch 2.15.0',
      '',
      'left out: brain.js: not installed',
    ]);
  });
});

describe('translationRows', () => {
  it('trains and searches a small model in both ways, and leaves no files behind', async () => {
    const sizes = { sourceVocabularySize: 20, targetVocabularySize: 25, embeddingSize: 8 };
    const { model } = translationTask();
    const encoder = { ...model.encoder, units: 4 };
    const decoder = { ...model.decoder, units: 8 };
    const task = translationTask({ config: { ...model, ...sizes, encoder, decoder } });
    const left: string[] = [];
    const settings = {
      rounds: 1,
      seconds: 0.01,
      quick: true,
      isa: 'avx2',
      pythons: [],
      packages: new Map<string, string>(),
    };
    const say = () => {};
    const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('cadenza-bench-'));
    const before = folders();
    const options = { ...settings, backend: 'cpu', precision: 'f32', say, wanted: () => true };
    const rows = await translationRows({ ...options, leftOut: (line) => void left.push(line) }, task);
    expect(left).toEqual([]);
    expect(rows.map(({ name, backend }) => [name, backend])).toEqual([
      ['translation-train', 'cpu'],
      ['translation-beam5', 'cpu'],
      ['translation-greedy', 'cpu'],
    ]);
    // Of untrained weights: about that of equal probabilities.
    expect(Math.abs(rows[0].loss - Math.log(25))).toBeLessThan(0.5);
    for (const { tokens_per_second, sentences_per_second } of rows) {
      expect(tokens_per_second ?? sentences_per_second).toBeGreaterThan(0);
    }
    expect(before).toEqual(expect.arrayContaining(folders()));
  }, 120_000);
});

describe('the tables of translation', () => {
  it('are two, one for each figure', () => {
    const machine = { cpu: 'Processor', cores: 2, memory_gb: 8, platform: 'linux-x64', node: 'v20.0.0' };
    const shared = { precision: 'f32', backend: 'native', threads: 2, peers: {}, ratio: null };
    const text = formatBench({
      machine,
      left_out: [],
      translation: [
        { ...shared, name: 'translation-train', tokens_per_second: 4000 },
        { ...shared, name: 'translation-greedy', sentences_per_second: 150 },
      ],
    });
    expect(text.split('\n').slice(2)).toEqual([
      'training of translation, target tokens (native x2)',
      'tokens/s                 ours  ratio',
      'translation-train  f32  4,000      -',
      '',
      'translation of batches of sentences (native x2)',
      'sentences/s               ours  ratio',
      'translation-greedy  f32  150.0      -',
    ]);
  });
});

describe('npm run bench', () => {
  it('refuses a row it does not have in one line, with exit code 2', () => {
    const { status, stderr } = bench('--only', 'lm-h1024');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: Expected --only to be one of training, lm-h128, .*, got lm-h1024\n$/);
  });

  it('refuses an option it does not have, and a precision', () => {
    const unknown = bench('--fast');
    expect([unknown.status, unknown.stderr]).toEqual([
      2,
      expect.stringMatching(/^error: Unknown option '--fast'.*\n$/),
    ]);
    expect(bench('--precision', 'f16').stderr).toBe(
      'error: Expected --precision to be one of f32, bf16, int8, got f16\n',
    );
  });

  it('prints one JSON object with the parts and says what was left out', () => {
    const args = [
      '--only',
      'gemm-1024',
      '--precision',
      'f32',
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
      expect.arrayContaining(['machine', 'training', 'generation', 'gemm', 'speech', 'translation', 'left_out']),
    );
    expect(result.gemm).toHaveLength(1);
    expect(result.gemm[0].gflops).toBeGreaterThan(0);
    expect(result.gemm[0].ratio).toBeNull();
  });
});
