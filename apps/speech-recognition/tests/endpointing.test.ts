import { ConfigError, InputError, Random } from '@cadenza/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EnergyEndpointer, findUtterances, type EndpointingOptions, type UtterancePiece } from '../src/endpointing.js';
import { NoiseFloor } from '../src/noiseFloor.js';

const RATE = 8000;
const FRAME = 0.02 * RATE;

/** Noise of a level, in decibels of full scale, for some seconds. */
function noise(level: number, seconds: number, random: Random): Float32Array {
  const deviation = 10 ** (level / 20);
  return new Float32Array(Math.round(seconds * RATE)).map(() => deviation * random.normal());
}

/** Stretches of noise of their levels one after another: [level, seconds]. */
function sound(...stretches: [level: number, seconds: number][]): Float32Array {
  const random = new Random(stretches.length);
  return Float32Array.from(stretches.flatMap(([level, seconds]) => Array.from(noise(level, seconds, random))));
}

/** Where utterances begin and end, in seconds. */
function spans(samples: Float32Array, options?: EndpointingOptions): [number, number][] {
  return findUtterances(samples, RATE, options).map(({ start, end }) => [start / RATE, end / RATE]);
}

describe('EnergyEndpointer', () => {
  it('finds where sound begins, less the padding, and ends it with its pause, to a frame', () => {
    const found = spans(sound([-60, 1], [-20, 0.8], [-60, 1.2], [-30, 0.4], [-60, 1]), { pause: 0.3, padding: 0.1 });
    expect(found).toHaveLength(2);
    for (const [index, [start, end]] of [
      [0.9, 2.1],
      [2.9, 3.7],
    ].entries()) {
      expect(Math.abs(found[index][0] - start)).toBeLessThanOrEqual(0.0201);
      expect(Math.abs(found[index][1] - end)).toBeLessThanOrEqual(0.0201);
    }
  });

  it('hears a word at the very beginning, before anything is known of the noise', () => {
    expect(spans(sound([-25, 0.5], [-50, 2]))).toEqual([[0, expect.closeTo(1, 1)]]);
  });

  it('goes on over pauses that are shorter than asked for', () => {
    expect(spans(sound([-60, 1], [-20, 0.5], [-60, 0.4], [-20, 0.5], [-60, 1]), { pause: 0.5 })).toHaveLength(1);
    expect(spans(sound([-60, 1], [-20, 0.5], [-60, 0.4], [-20, 0.5], [-60, 1]), { pause: 0.3 })).toHaveLength(2);
  });

  it('passes over what is too short, too quiet, or constant', () => {
    expect(spans(sound([-60, 1], [-20, 0.04], [-60, 2]), { minimumSpeech: 0.1 })).toEqual([]);
    expect(spans(sound([-90, 1], [-70, 1], [-90, 1]))).toEqual([]);
    expect(spans(new Float32Array(3 * RATE).fill(0.7))).toEqual([]);
    expect(spans(new Float32Array(3 * RATE))).toEqual([]);
  });

  it('takes steady noise for silence once it has lasted, and hears what is louder then', () => {
    const found = spans(sound([-35, 8], [-15, 1], [-35, 3]), { floorWindow: 2 });
    expect(found.at(-1)![0]).toBeCloseTo(7.8, 1);
    expect(found.at(-1)![1]).toBeCloseTo(9.5, 1);
    expect(found.slice(0, -1).every(([, end]) => end < 3.5)).toBe(true);
  });

  it('follows noise that becomes less at once', () => {
    const found = spans(sound([-30, 5], [-60, 0.5], [-45, 0.5], [-60, 1]), { floorWindow: 2 });
    expect(found.at(-1)![0]).toBeCloseTo(5.3, 1);
  });

  it('cuts one who makes no pauses, sooner at short ones, and leaves out no sample of what is said', () => {
    const options = { maximumUtterance: 3, floorWindow: 60 };
    const steady = spans(sound([-60, 1], [-20, 10], [-60, 1]), options);
    expect(steady.length).toBeGreaterThanOrEqual(4);
    steady.forEach(([start, end], index) => {
      expect(end - start).toBeLessThanOrEqual(3 + 1e-9); // of the difference of two floats
      if (index > 0) expect(start).toBe(steady[index - 1][1]);
    });
    expect(steady.at(-1)![1]).toBeGreaterThan(11);
    // A pause of 0.2 s is too short at first, and long enough after three quarters of the longest.
    const breath: [number, number][] = [
      [-60, 1],
      [-20, 0.8],
      [-60, 0.2],
      [-20, 1.1],
      [-60, 0.2],
      [-20, 1],
      [-60, 1],
    ];
    const [first] = spans(sound(...breath), options);
    expect(first[1]).toBeGreaterThan(3.1);
    expect(first[1]).toBeLessThan(3.32);
  });

  it('gives the same utterances, and all of their samples once, for any pieces', () => {
    const samples = sound([-55, 0.7], [-20, 0.6], [-55, 0.8], [-22, 1.5], [-55, 0.3], [-25, 2], [-55, 1], [-20, 0.31]);
    const options = { pause: 0.25, maximumUtterance: 1.6, padding: 0.15 };
    const wanted = findUtterances(samples, RATE, options);
    expect(wanted.length).toBeGreaterThan(4);
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(3), fc.nat(4000)), { minLength: 1, maxLength: 40 }), (lengths) => {
        const endpointer = new EnergyEndpointer(RATE, options);
        const pieces: UtterancePiece[] = [];
        let at = 0;
        for (let turn = 0; at < samples.length; turn++) {
          const length = turn < lengths.length ? lengths[turn] : 5000;
          pieces.push(...endpointer.push(samples.subarray(at, at + length)));
          at += length;
          expect(endpointer.received).toBe(Math.min(at, samples.length));
        }
        pieces.push(...endpointer.end());
        expect(endpointer.received).toBe(0);
        expect(pieces.filter(({ begins }) => begins).map(({ start }) => start)).toEqual(
          wanted.map(({ start }) => start),
        );
        const ends = pieces.filter(({ ends }) => ends).map(({ start, samples: { length } }) => start + length);
        expect(ends).toEqual(wanted.map(({ end }) => end));
        pieces.forEach(({ start, samples: piece, begins }, index) => {
          expect(Buffer.from(piece.buffer).equals(Buffer.from(samples.slice(start, start + piece.length).buffer))).toBe(
            true,
          );
          if (!begins) expect(start).toBe(pieces[index - 1].start + pieces[index - 1].samples.length);
        });
      }),
      { numRuns: 20 },
    );
  });

  it('hands samples out as they come, a frame late at most', () => {
    const endpointer = new EnergyEndpointer(RATE);
    const samples = sound([-60, 1], [-20, 2]);
    let given = 0;
    for (let at = 0; at < samples.length; at += 100) {
      for (const { start, samples: piece } of endpointer.push(samples.subarray(at, at + 100))) {
        given = start + piece.length;
      }
      if (at > 1.1 * RATE) {
        expect(endpointer.speaking).toBe(true);
        expect(at + 100 - given).toBeLessThan(FRAME);
      }
    }
  });

  it('begins anew after its end', () => {
    const endpointer = new EnergyEndpointer(RATE);
    const samples = sound([-30, 4], [-60, 1]);
    const hear = () => [...endpointer.push(samples), ...endpointer.end()];
    expect(hear()).toEqual(hear());
  });

  it('refuses samples that are no numbers, and options out of their range', () => {
    const endpointer = new EnergyEndpointer(RATE);
    endpointer.push(new Float32Array(10));
    expect(() => endpointer.push(Float32Array.of(0, 0, Infinity))).toThrow(
      new InputError('Expected finite samples, got Infinity at sample 12'),
    );
    const refused =
      (options: object): (() => void) =>
      () =>
        void new EnergyEndpointer(RATE, options);
    expect(refused({ pause: 0 })).toThrow(/Expected endpointing\.pause to be a positive number, got 0/);
    expect(refused({ padding: -1 })).toThrow(/Expected endpointing\.padding to be a number of at least 0, got -1/);
    expect(refused({ lowestLevel: 3 })).toThrow(/Expected endpointing\.lowestLevel to be a number below 0, got 3/);
    expect(refused({ maximumUtterance: 0.2 })).toThrow(/Expected endpointing\.maximumUtterance to be at least 0\.3/);
    expect(refused({ pauses: 1 })).toThrow(ConfigError);
  });
});

describe('NoiseFloor', () => {
  it('is the least level of its window, and no more than what is assumed until that has passed', () => {
    const floor = NoiseFloor.ofWindow(30, -60);
    const floors = Array.from({ length: 60 }, () => floor.next(-20));
    expect(floors).toEqual([...Array<number>(30).fill(-60), ...Array<number>(30).fill(-20)]);
    expect(floor.next(-70)).toBe(-70);
    expect(floor.next(-20)).toBe(-70);
    const later = Array.from({ length: 40 }, () => floor.next(-20));
    expect(later.indexOf(-20)).toBeGreaterThan(26); // two frames of a part may have come before
    expect(later.indexOf(-20)).toBeLessThanOrEqual(30);
  });

  it('assumes nothing any more when it has heard both noise and what is louder', () => {
    const floor = NoiseFloor.ofWindow(30, -60);
    expect([-20, -30, -36, -34].map((level) => floor.next(level))).toEqual([-60, -60, -36, -36]);
  });
});
