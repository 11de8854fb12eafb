import * as nodeFileSystem from 'node:fs';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CheckpointError,
  CheckpointStore,
  type Checkpoint,
  type CheckpointState,
  type FileSystem,
} from '../../src/index.js';

let run: string;
const place = (...names: string[]) => join(run, 'checkpoints', ...names);

beforeEach(() => void (run = mkdtempSync(join(tmpdir(), 'cadenza-store-'))));
afterEach(() => rmSync(run, { recursive: true }));

function checkpoint(step: number, bestStep?: number): Checkpoint {
  const values = Float32Array.of(step, step / 3);
  const state: CheckpointState = {
    ...{ format: 'cadenza-checkpoint', version: 1, step, epoch: null, random: [1, 2, 3, 4], source: { at: step } },
    ...{ optimizer: { name: 'sgd', step }, schedule: null, average: null, earlyStopping: null },
    ...{
      guard: { inARow: 0, total: 0 },
      best: bestStep === undefined ? null : { step: bestStep, metrics: { loss: 1 } },
    },
    ...{ carry: 0, window: { sum: 0, count: 0 }, time: { seconds: 1, written: 'now' } },
  };
  return {
    weights: new Map([['w', { dtype: 'float32', shape: [2], values }]]),
    optimizer: new Map([['optimizer/momentum/w', { dtype: 'float32', shape: [2], values }]]),
    state,
  };
}

/** A file system that lets `count` calls through and then throws at each one. `limited` says which functions count. */
function failing(count: number, error: Error, limited: (keyof FileSystem)[], cleansUp: boolean) {
  let calls = 0;
  const fs: Record<string, unknown> = { ...nodeFileSystem };
  const spared = cleansUp
    ? []
    : (['rmSync', 'closeSync', 'existsSync', 'readdirSync', 'readFileSync'] as (keyof FileSystem)[]);
  for (const name of [...limited, ...spared]) {
    fs[name] = (...args: unknown[]) => {
      if (limited.includes(name)) calls++;
      if (calls > count) throw error;
      return (nodeFileSystem[name] as (...all: unknown[]) => unknown)(...args);
    };
  }
  return { fs: fs as unknown as FileSystem, calls: () => calls };
}

const writers: (keyof FileSystem)[] = ['openSync', 'writeSync', 'fsyncSync', 'renameSync', 'mkdirSync', 'rmSync'];
const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

describe('a checkpoint store', () => {
  it('gives back what it saved, and says which is latest and best', () => {
    const store = new CheckpointStore(run);
    expect(store.load('latest')).toBeUndefined();
    for (const [step, best] of [[10], [20, 20], [30, 20]]) store.save(checkpoint(step, best));
    expect(store.load('latest')).toEqual({ step: 30, directory: place('step-30'), ...checkpoint(30, 20) });
    expect(new CheckpointStore(run).load('best')!.step).toBe(20);
    expect(store.load(20)!.state.source).toEqual({ at: 20 });
    expect(readFileSync(place('latest'), 'utf8')).toBe('step-30\n');
    expect(readdirSync(place('step-30')).sort()).toEqual([
      'SHA256SUMS',
      'optimizer.safetensors',
      'state.json',
      'weights.safetensors',
    ]);
    expect(() => store.load(15)).toThrow('Expected a checkpoint of step 15');
  });

  it('refuses an option that it does not know', () => {
    expect(() => new CheckpointStore(run, { keeps: 3 } as never)).toThrow(
      'Expected an option that CheckpointStore knows, got keeps; did you mean keep?',
    );
  });

  it('refuses to keep none', () => {
    expect(() => new CheckpointStore(run, { keep: 0 })).toThrow('Expected keep to be a positive integer, got 0');
  });

  it('keeps the newest and the best that each of them knows', () => {
    const store = new CheckpointStore(run, { keep: 2 });
    for (const [step, best] of [
      [10, 10],
      [20, 10],
      [30, 10],
      [40, 40],
      [50, 40],
    ])
      store.save(checkpoint(step, best));
    expect(store.steps()).toEqual([40, 50]);
    store.save(checkpoint(60, 60));
    expect(store.steps()).toEqual([40, 50, 60]);
    // Should 60 be damaged, 50 goes on with the best it knew.
    truncateSync(place('step-60', 'state.json'), 5);
    const again = new CheckpointStore(run, { keep: 2 });
    again.goBackTo(again.load('latest')!);
    expect(again.steps()).toEqual([40, 50]);
    expect(again.load('best')!.step).toBe(40);
    again.save(checkpoint(60, 40));
    expect(again.steps()).toEqual([40, 50, 60]);
  });

  it('passes over a checkpoint of which any file is truncated, missing or has one wrong bit, naming the file', () => {
    const save = () => {
      rmSync(place(), { recursive: true, force: true });
      const store = new CheckpointStore(run);
      store.save(checkpoint(10));
      store.save(checkpoint(20));
    };
    save();
    for (const file of readdirSync(place('step-20'))) {
      const path = place('step-20', file);
      const bytes = readFileSync(path);
      const damages: [string, () => void][] = [
        ['cut by a byte', () => truncateSync(path, bytes.length - 1)],
        ['cut to nothing', () => truncateSync(path, 0)],
        ['missing', () => rmSync(path)],
        ['longer', () => writeFileSync(path, Buffer.concat([bytes, Buffer.from(' ')]))],
      ];
      for (let at = 0; at < bytes.length; at += 7) {
        const flipped = Buffer.from(bytes);
        flipped[at] ^= 1 << (at % 8);
        damages.push([`bit of byte ${at} flipped`, () => writeFileSync(path, flipped)]);
      }
      for (const [what, damage] of damages) {
        damage();
        const warnings: string[] = [];
        const loaded = new CheckpointStore(run, { onWarning: (line) => warnings.push(line) }).load('latest');
        expect(loaded!.step, `${file} ${what}`).toBe(10);
        expect(warnings).toHaveLength(1);
        expect(warnings[0]).toContain(join('step-20', file));
        expect(warnings[0]).toMatch(/^[^\n]*; using the checkpoint of step 10$/);
        writeFileSync(path, bytes);
      }
      expect(new CheckpointStore(run).load('latest')!.step).toBe(20);
    }
  });

  it('is an error where all checkpoints are damaged', () => {
    const store = new CheckpointStore(run);
    store.save(checkpoint(10));
    truncateSync(place('step-10', 'weights.safetensors'), 20);
    expect(() => store.load('latest')).toThrow(CheckpointError);
    expect(() => store.load('best')).toThrow(
      /step-10.weights\.safetensors to have the SHA-256 .* the file is truncated or damaged$/,
    );
    expect(() => store.load(10)).toThrow('weights.safetensors');
    store.save(checkpoint(20));
    rmSync(place('step-20', 'state.json'));
    expect(() => store.load('latest')).toThrow('got 2 damaged ones');
  });

  it('finds its checkpoints without pointers, and with pointers that make no sense', () => {
    const store = new CheckpointStore(run);
    store.save(checkpoint(9, 9));
    store.save(checkpoint(10, 9));
    for (const pointer of ['', 'step-', 'step-77\n', '../../etc']) {
      writeFileSync(place('latest'), pointer);
      writeFileSync(place('best'), pointer);
      expect(new CheckpointStore(run).load('latest')!.step).toBe(10);
      expect(new CheckpointStore(run).load('best')!.step).toBe(10);
    }
    rmSync(place('latest'));
    expect(store.load('latest')!.step).toBe(10);
  });

  it('refuses a checkpoint of another version', () => {
    const other = checkpoint(10);
    (other.state as { version: number }).version = 2;
    const store = new CheckpointStore(run);
    store.save(other);
    expect(() => store.load('latest')).toThrow('version 1, got format cadenza-checkpoint, version 2');
  });

  it('killed at any single call leaves a run that loads the earlier checkpoint or the new one', () => {
    const killed = new Error('killed');
    const outcomes = new Set<number>();
    let calls = 0;
    for (let instant = 0, done = false; !done; instant++) {
      rmSync(place(), { recursive: true, force: true });
      new CheckpointStore(run, { keep: 1 }).save(checkpoint(10, 10));
      const { fs } = failing(instant, killed, writers, false);
      try {
        new CheckpointStore(run, { keep: 1, fileSystem: fs }).save(checkpoint(20, 20));
        done = true;
      } catch {
        calls++;
      }
      const warnings: string[] = [];
      const store = new CheckpointStore(run, { keep: 1, onWarning: (line) => warnings.push(line) });
      const loaded = store.load('latest')!;
      expect(loaded).toMatchObject(checkpoint(loaded.step, loaded.step));
      outcomes.add(loaded.step);
      store.goBackTo(loaded);
      expect(store.load('best')!.step).toBe(loaded.step);
      expect(readdirSync(place()).filter((name) => name.startsWith('.'))).toEqual([]);
      store.save(checkpoint(30, 30));
      expect(readdirSync(place()).sort()).toEqual(['best', 'latest', 'step-30']);
      expect(warnings).toEqual([]);
    }
    expect([...outcomes].sort()).toEqual([10, 20]);
    expect(calls).toBeGreaterThan(25);
  });

  it.skipIf(process.platform === 'win32')(
    'has everything on the disk before it points at it, its own folder in the run too',
    () => {
      const opened = new Map<number, string>();
      const events: string[] = [];
      const fs = {
        ...nodeFileSystem,
        openSync: (path: string, flags: string) => {
          const descriptor = nodeFileSystem.openSync(path, flags);
          opened.set(descriptor, relative(run, path) || '.');
          return descriptor;
        },
        fsyncSync: (descriptor: number) => void events.push(`sync ${opened.get(descriptor)}`),
        renameSync: (from: string, to: string) => {
          nodeFileSystem.renameSync(from, to);
          events.push(`rename ${relative(run, to)}`);
        },
      };
      new CheckpointStore(run, { fileSystem: fs as unknown as FileSystem }).save(checkpoint(10));
      const written = ['weights.safetensors', 'optimizer.safetensors', 'state.json', 'SHA256SUMS'];
      expect(events).toEqual([
        'sync .',
        ...written.map((file) => `sync checkpoints/.step-10.tmp/${file}`),
        ...['sync checkpoints/.step-10.tmp', 'rename checkpoints/step-10', 'sync checkpoints'],
        ...['sync checkpoints/.latest.tmp', 'rename checkpoints/latest', 'sync checkpoints'],
      ]);
    },
  );

  it('on a full disk leaves the earlier checkpoint and no half of a new one, in one line', () => {
    for (let instant = 0, done = false; !done; instant++) {
      rmSync(place(), { recursive: true, force: true });
      new CheckpointStore(run).save(checkpoint(10));
      const { fs } = failing(instant, full, ['openSync', 'writeSync', 'mkdirSync'], true);
      try {
        new CheckpointStore(run, { fileSystem: fs }).save(checkpoint(20));
        done = true;
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
        expect((error as CheckpointError).code).toBe('ENOSPC');
        expect((error as Error).message).toMatch(/^Expected to write [^\n]*, got a full disk \(ENOSPC\)[^\n]*$/);
        expect(new CheckpointStore(run).load(10)!.step).toBe(10);
        expect(readdirSync(place()).filter((name) => name.startsWith('.'))).toEqual([]);
        for (const step of new CheckpointStore(run).steps())
          expect(new CheckpointStore(run).load(step)!.step).toBe(step);
      }
    }
  });
});
