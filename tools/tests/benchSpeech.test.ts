import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drawBetween, drawNormal, linearCongruential } from '../bench/draws.mjs';
import { rowOf } from '../bench/row.mjs';
import { speechRow, speechRows } from '../bench/speechRows.mjs';
import { framesOf, readSpeechTask, speechFlopsPerFrame, speechTask, writeSpeechTask } from '../bench/speechTask.mjs';
import { formatBench } from '../bench/table.mjs';

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

describe('draws', () => {
  it('are the same from one seed, and within [0, 1)', () => {
    const draw = (seed: number) => Array.from({ length: 100 }, linearCongruential(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(Math.min(...draw(1))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draw(1))).toBeLessThan(1);
  });

  it('have the mean and the variance of the standard normal distribution', () => {
    const values = drawNormal(linearCongruential(1), 10_000);
    // Four standard errors: of the mean 1 / sqrt(n), of the variance sqrt(2 / n).
    expect(Math.abs(mean(values))).toBeLessThan(0.04);
    expect(Math.abs(mean(values.map((value) => value * value)) - 1)).toBeLessThan(0.057);
  });

  it('lie between the quantiles of their level', () => {
    const at = (level: number) => drawBetween(() => level, [0, 0.25, 1], [2, 4, 10]);
    expect([at(0), at(0.125), at(0.25), at(0.625)]).toEqual([2, 3, 4, 7]);
    expect(at(1 - 2 ** -32)).toBeCloseTo(10, 6);
  });
});

describe('speechTask', () => {
  const task = speechTask();

  it('draws the same recordings every time, others from another seed', () => {
    expect(speechTask()).toEqual(task);
    expect(speechTask({ seed: 2 }).batches).not.toEqual(task.batches);
  });

  it('has batches of like lengths, the longest recording first, spread as those of AN4', () => {
    expect(task.batches).toHaveLength(4);
    for (const { frames, labels } of task.batches) {
      expect([frames.length, labels.length]).toEqual([16, 16]);
      expect(frames).toEqual([...frames].sort((a, b) => b - a));
      expect(frames[0] / frames[15]).toBeLessThan(1.2);
    }
    // AN4's mean is 89; four batches of a pool of 512 recordings come close.
    expect(Math.abs(framesOf(task.batches) / 64 - 89)).toBeLessThan(6);
  });

  it('has labels of the classes but the blank, that fit into their frames', () => {
    for (const { frames, labels, most } of [
      ...task.batches.map((batch) => ({ ...batch, most: task.model.classes })),
      { ...task.alignment, most: task.alignment.symbols },
    ]) {
      labels.forEach((row, index) => {
        const repeated = row.filter((label, place) => label === row[place - 1]).length;
        expect(row.length + repeated).toBeLessThanOrEqual(frames[index]);
        expect([row.length > 0, Math.min(...row) >= 1, Math.max(...row) < most]).toEqual([true, true, true]);
      });
    }
    expect(Math.min(...task.alignment.frames)).toBeGreaterThanOrEqual(150);
    expect(Math.max(...task.alignment.frames)).toBeLessThanOrEqual(400);
  });

  it('is read from a folder as it was written, with a value for each frame and feature', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cadenza-task-'));
    try {
      writeSpeechTask(folder, task);
      const { task: read, features, logits } = readSpeechTask(folder);
      expect(read).toEqual(task);
      expect(features).toHaveLength(framesOf(task.batches) * 78);
      expect(logits).toHaveLength(framesOf([task.alignment]) * 29);
      expect(Math.abs(mean(features))).toBeLessThan(0.01);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('speechFlopsPerFrame', () => {
  it('counts the products of both directions of every layer and of the output', () => {
    const [D, H, V] = [5, 3, 7];
    const direction = (inputs: number) => 4 * H * inputs + 4 * H * H;
    const products = 2 * direction(D) + 2 * direction(2 * H) + 2 * direction(2 * H) + 2 * H * V;
    expect(speechFlopsPerFrame({ featureSize: D, classes: V, hiddenSize: H, layers: 3 })).toBe(6 * products);
  });
});

describe('speechRow', () => {
  const own = { backend: 'native', threads: 2, reason: 'backend native' };
  const what = { task: speechTask(), precision: 'f32', pythons: [{ name: 'pytorch' }] };

  it('has the loss of both sides beside their speeds and operations', () => {
    const results = {
      f32: { about: { ...own, loss: 350.5 }, figures: { frames_per_second: 9000 } },
      'pytorch f32': { about: { version: '2', loss: 350.5 }, figures: { frames_per_second: 3000 } },
    };
    const row = speechRow(results, { ...what, name: 'speech-train', figure: 'frames_per_second' });
    expect(row).toMatchObject({ name: 'speech-train', precision: 'f32', loss: 350.5, ratio: 3 });
    expect(row.peers.pytorch).toMatchObject({ loss: 350.5, frames_per_second: 3000 });
    expect(row.gflops / row.peers.pytorch.gflops).toBeCloseTo(3, 2);
  });

  it('has the largest differences of losses and gradients instead of them', () => {
    const result = (speed: number, about: object) => ({ about, figures: { losses_per_second: speed } });
    const results = {
      f32: result(800, { ...own, losses: [100, 200], gradients: [10, 20] }),
      'pytorch f32': result(100, { version: '2', losses: [100, 200.5], gradients: [9.9, 20.1] }),
    };
    const row = speechRow(results, { ...what, name: 'ctc', figure: 'losses_per_second' });
    expect(row).toMatchObject({ loss: 150, losses_per_second: 800, ratio: 8 });
    expect(row.peers.pytorch).toMatchObject({ loss_difference: 0.0025, gradient_difference: 0.01 });
    expect(JSON.stringify(row)).not.toContain('"losses"');
    expect(JSON.stringify(row)).not.toContain('"gradients"');
    expect(row).not.toHaveProperty('gflops');
  });
});

describe('rowOf', () => {
  it('sets ours over others where they are named', () => {
    const result = (speed: number) => ({ about: { backend: 'audio', threads: 1 }, figures: { speed } });
    const results = { f32: result(60), meyda: result(3), other: result(5) };
    const what = { ours: 'f32', figure: 'speed', precision: 'f32', pythons: [], others: ['meyda', 'other'] };
    expect(rowOf(results, { ...what, over: ['meyda'] })).toMatchObject({ ratio: 20, peers: { other: { speed: 5 } } });
    expect(rowOf(results, { ...what, over: ['absent'] })).toMatchObject({ ratio: null });
  });
});

describe('speechRows', () => {
  const { model } = speechTask();
  const task = speechTask({ config: { ...model, featureSize: 5, classes: 6, hiddenSize: 4, layers: 2 } });
  const options = (given: { precision: string; only?: string }, left: string[]) => ({
    ...{ rounds: 1, seconds: 0.01, quick: true, isa: 'avx2', backend: 'cpu', pythons: [] },
    ...{ packages: new Map<string, string>(), say: () => {}, leftOut: (line: string) => void left.push(line) },
    wanted: (part: string, name: string) => part === 'speech' && (given.only ?? name) === name,
    precision: given.precision,
  });

  it('trains a small model, aligns labels and computes features beside meyda, and leaves no files behind', async () => {
    const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('cadenza-bench-'));
    const before = folders();
    const left: string[] = [];
    const rows = await speechRows(options({ precision: 'f32' }, left), task);
    expect(left).toEqual([]);
    expect(rows.map(({ name, backend }) => [name, backend])).toEqual([
      ['speech-train', 'cpu'],
      ['ctc', 'cpu'],
      ['mfcc', 'audio'],
    ]);
    const [training, ctc, mfcc] = rows;
    for (const speed of [training.frames_per_second, training.gflops, ctc.losses_per_second]) {
      expect(speed).toBeGreaterThan(0);
    }
    // Less than the logarithm of V paths a frame: many alignments have the same labels.
    expect(training.loss).toBeGreaterThan(0);
    expect(training.loss).toBeLessThan(task.batches[0].frames[0] * Math.log(6));
    expect(mfcc.peers.meyda.frames).toBe(mfcc.frames);
    expect(mfcc.audio_seconds_per_second).toBeGreaterThan(mfcc.peers.meyda.audio_seconds_per_second);
    expect(before).toEqual(expect.arrayContaining(folders()));
  }, 120_000);

  it('has rows of one precision where only that is asked for: losses and features have float32 alone', async () => {
    const left: string[] = [];
    expect(await speechRows(options({ precision: 'bf16', only: 'ctc' }, left), task)).toEqual([]);
    expect(await speechRows(options({ precision: 'int8' }, left), task)).toEqual([]);
    // The reference has no bf16, and says so.
    expect(await speechRows(options({ precision: 'bf16', only: 'speech-train' }, left), task)).toEqual([]);
    expect(left).toEqual([expect.stringMatching(/^bf16: backend cpu/)]);
  }, 120_000);
});

describe('the tables of speech', () => {
  it('are three, one for each figure', () => {
    const machine = { cpu: 'Processor', cores: 2, memory_gb: 8, platform: 'linux-x64', node: 'v20.0.0' };
    const shared = { precision: 'f32', backend: 'native', threads: 2, peers: {}, ratio: null };
    const meyda = { version: '5.6.3', audio_seconds_per_second: 70 };
    const text = formatBench({
      machine,
      left_out: [],
      speech: [
        { ...shared, name: 'speech-train', frames_per_second: 9000 },
        { ...shared, name: 'ctc', losses_per_second: 6000 },
        {
          ...shared,
          name: 'mfcc',
          backend: 'audio',
          threads: 1,
          audio_seconds_per_second: 1750,
          peers: { meyda },
          ratio: 25,
        },
      ],
    });
    expect(text.split('\n').slice(2)).toEqual([
      'training of an acoustic model, frames (native x2)',
      'frames/s            ours  ratio',
      'speech-train  f32  9,000      -',
      '',
      'CTC losses with their gradients, recordings (native x2)',
      'losses/s        ours  ratio',
      'ctc       f32  6,000      -',
      '',
      'MFCC, seconds of sound; the ratio is to meyda (audio x1)',
      'seconds/s        ours  meyda  ratio',
      'mfcc       f32  1,750   70.0  25.00',
      '',
      'peers: meyda 5.6.3',
    ]);
  });
});
