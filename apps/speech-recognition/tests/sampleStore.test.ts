import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError, Random } from '@cadenza/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SampleStore } from '../src/sampleStore.js';

describe('SampleStore', () => {
  const random = new Random(3);
  const sounds = Array.from({ length: 20 }, () =>
    Float32Array.from({ length: random.integer(500) }, () => random.normal()),
  );
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cadenza-store-'));
    vi.stubEnv('TMPDIR', folder);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([0, 5000, 1e9])('with %i bytes of memory gives every recording again, in any order', (bytes) => {
    const store = new SampleStore(bytes);
    const kept = sounds.map((sound) => store.keep(sound.slice()));
    for (const index of random.shuffle(Int32Array.from([...sounds.keys(), ...sounds.keys()]))) {
      expect(kept[index].read()).toEqual(sounds[index]);
    }
    store.dispose();
  });

  it('keeps a part of a longer sound, and no more of it', () => {
    const store = new SampleStore(0);
    const [long] = [Float32Array.of(1, 2, 3, 4, 5)];
    expect(store.keep(long.subarray(1, 4)).read()).toEqual(Float32Array.of(2, 3, 4));
    store.dispose();
  });

  it('leaves no file behind, whenever the process ends', () => {
    const store = new SampleStore(0);
    const kept = store.keep(sounds[0]);
    expect(readdirSync(folder)).toEqual([]);
    expect(kept.read()).toEqual(sounds[0]);
    store.dispose();
  });

  it('says in one line where there is no room', () => {
    writeFileSync(join(folder, 'file'), '');
    vi.stubEnv('TMPDIR', join(folder, 'file'));
    const keep = (): unknown => new SampleStore(0).keep(Float32Array.of(1));
    expect(keep).toThrow(InputError);
    expect(keep).toThrow(/Expected room for 1 MB and more of sound in .*file \(TMPDIR names another folder\), got: /);
  });
});
