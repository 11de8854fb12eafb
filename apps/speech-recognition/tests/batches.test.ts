import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@cadenza/core';
import { afterAll, describe, expect, it } from 'vitest';
import { trainingSource, type FeatureRows, type TrainingSource } from '../src/batches.js';
import { preparedSongs, smallConfig, writeSongs } from './tones.js';

const scratch = mkdtempSync(join(tmpdir(), 'cadenza-batches-'));
const manifest = writeSongs(join(scratch, 'songs'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function sourceOf(...assignments: string[]): Promise<TrainingSource> {
  const config = smallConfig('batchRecordings=100', ...assignments);
  const { train, symbols, pipeline } = await preparedSongs(config, manifest);
  return trainingSource(train, symbols, pipeline, config, new Random(1));
}

/** Frames of a batch, padding included. */
const paddedFrames = ({ rows }: FeatureRows): number => rows.length * rows[0].features.frames;

describe('trainingSource', () => {
  it('fills batches up to training.batchFrames, and no further', async () => {
    const source = await sourceOf('batchFrames=90');
    const sizes = Array.from({ length: source.batchesPerEpoch }, () => paddedFrames(source.next()));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(90);
    expect(Math.max(...sizes)).toBeGreaterThan(60);
  });

  it('gives an example that a later epoch draws longer than a batch a batch by itself', async () => {
    const source = await sourceOf('speed=0.5', 'batchFrames=64');
    const batches = Array.from({ length: 300 }, () => source.next());
    const longer = batches.filter((batch) => paddedFrames(batch) > 64);
    expect(longer.length).toBeGreaterThan(0);
    expect(longer.every(({ rows }) => rows.length === 1)).toBe(true);
  });

  it('gives each recording twice with consistency, one view after the other, the first as it is alone', async () => {
    const drawn = ['speed=0.2', 'vocalTract=0.2', 'mask.times=2', 'batchFrames=90'];
    const [once, twice] = [await sourceOf(...drawn), await sourceOf(...drawn, 'training.consistency=0.2')];
    for (let batch = 0; batch < 2 * once.batchesPerEpoch; batch++) {
      const [{ rows, frames }, pairs] = [once.next(), twice.next()];
      expect(pairs.frames).toBe(2 * frames);
      expect(pairs.rows.filter((_, index) => index % 2 === 0)).toEqual(rows);
      for (const [index, { features, labels }] of rows.entries()) {
        const other = pairs.rows[2 * index + 1];
        expect(other.labels).toEqual(labels);
        expect(other.features.frames).toBe(features.frames);
        expect(other.features.values).not.toEqual(features.values);
      }
    }
    twice.restore(once.state());
    expect(twice.next().rows[0]).toEqual(once.next().rows[0]);
  });
});
