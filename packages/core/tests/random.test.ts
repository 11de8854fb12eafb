import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../src/random.js';

describe('Random', () => {
  it('is xoshiro128**: its sequence from the state 1, 2, 3, 4 is the published one', () => {
    // The first outputs of the authors' C code (xoshiro128starstar.c, version 1.1), compiled and run.
    const published = [
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ];
    const random = Random.from([1, 2, 3, 4]);
    expect(published.map(() => random.nextUint32())).toEqual(published);
  });

  it('gives the same numbers for the same seed and others for another', () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 5 },
        (
          (random) => () =>
            random.nextUint32()
        )(new Random(seed)),
      );
    expect(draw(7)).toEqual(draw(7));
    const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    expect(new Set(seeds.map((seed) => draw(seed).join())).size).toBe(seeds.length);
  });

  it('continues exactly from a restored state', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 50 }), (seed, skip) => {
        const random = new Random(seed);
        for (let n = 0; n < skip; n++) random.next();
        const copy = Random.from(JSON.parse(JSON.stringify(random.state())) as number[]);
        expect([copy.next(), copy.normal(), copy.integer(10)]).toEqual([
          random.next(),
          random.normal(),
          random.integer(10),
        ]);
      }),
    );
  });

  it('refuses seeds and states that it cannot take', () => {
    expect(() => new Random(-1)).toThrow('Expected seed to be a non-negative integer, got -1');
    expect(() => new Random(1.5)).toThrow(/got 1.5/);
    expect(() => new Random(1).restore([1, 2, 3])).toThrow(/four unsigned 32-bit integers/);
    expect(() => new Random(1).restore([1, 2, 3, -4])).toThrow(/four unsigned 32-bit integers/);
    expect(() => new Random(1).integer(0)).toThrow(/bound/);
  });

  it('never rests in the state of zeros', () => {
    const random = Random.from([0, 0, 0, 0]);
    expect(new Set(Array.from({ length: 20 }, () => random.nextUint32())).size).toBeGreaterThan(15);
  });

  it('draws integers evenly', () => {
    const random = new Random(11);
    const counts = new Array<number>(7).fill(0);
    for (let n = 0; n < 70_000; n++) counts[random.integer(7)]++;
    // 10,000 each, standard deviation 93: five of them.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(465);
  });

  it('draws normal numbers of mean 0, variance 1 and kurtosis 3', () => {
    const random = new Random(12);
    const values = Array.from({ length: 100_000 }, () => random.normal());
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.016);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.023);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.16);
  });

  it('forks by label without moving, and forks differ', () => {
    const random = new Random(4);
    const before = random.state();
    const a = random.fork('dropout');
    const b = random.fork('shuffle');
    expect(random.state()).toEqual(before);
    expect(a.state()).toEqual(random.fork('dropout').state());
    expect(a.state()).not.toEqual(b.state());
    random.next();
    expect(random.fork('dropout').state()).not.toEqual(a.state());
  });

  it('gives key pairs of 32-bit words', () => {
    const pair = new Random(4).seedPair();
    for (const word of pair) expect(word).toBe(word >>> 0);
  });

  it('shuffles to a permutation, in place, every order equally often', () => {
    const counts = new Map<string, number>();
    const random = new Random(8);
    for (let n = 0; n < 6000; n++) {
      const array = Uint8Array.of(0, 1, 2);
      expect(random.shuffle(array)).toBe(array);
      counts.set(array.join(), (counts.get(array.join()) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
