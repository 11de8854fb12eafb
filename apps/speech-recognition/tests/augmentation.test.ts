import { featureMatrix } from '@cadenza/audio';
import { Random } from '@cadenza/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exampleLength, planExamples, realizeExample, stretch, type Example } from '../src/augmentation.js';
import { evaluationBatches, featureRows } from '../src/batches.js';
import { FeaturePipeline } from '../src/features.js';
import type { Utterance } from '../src/utterances.js';
import { RATE, sing, smallConfig } from './tones.js';

const config = smallConfig();
const pipeline = new FeaturePipeline(config.features);
const utterances: Utterance[] = ['do', 're mi', 'fa do re'].map((text, index) => {
  const samples = sing(text, new Random(index));
  const kept = { read: () => samples };
  return { id: text, text, samples: kept, seconds: samples.length / RATE, frames: pipeline.extract(samples) };
});
const augmented = (...assignments: string[]) => smallConfig(...assignments).augmentation;

describe('planExamples', () => {
  it('hears every recording once in an epoch, alone or joined with others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 6 }), fc.nat(), (count, most, seed) => {
        const plan = planExamples(count, augmented(`join.recordings=${most}`), new Random(seed));
        const members = plan.flatMap((example) => example.members);
        expect([...members].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
        for (const example of plan) {
          expect(example.members.length).toBeLessThanOrEqual(most);
          expect([example.speeds.length, example.pauses.length + 1]).toEqual([
            example.members.length,
            example.members.length,
          ]);
        }
      }),
    );
  });

  it('draws speeds and pauses within their bounds', () => {
    const plan = planExamples(200, augmented('speed=0.1', 'join.recordings=4', 'join.pause=0.5'), new Random(1));
    for (const speed of plan.flatMap(({ speeds }) => speeds)) expect(Math.abs(speed - 1)).toBeLessThan(0.1 + 1e-12);
    const pauses = plan.flatMap((example) => example.pauses);
    expect(Math.max(...pauses)).toBeGreaterThan(0.4);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(0.5);
  });
});

describe('realizeExample', () => {
  const examples = (assignments: string[]) => planExamples(3, augmented(...assignments), new Random(4));

  it('gives what evaluation reads where nothing is drawn', () => {
    const plain = augmented();
    for (const example of planExamples(3, plain, new Random(1))) {
      const { frames } = utterances[example.members[0]];
      expect(realizeExample(example, utterances, pipeline, plain)).toEqual([pipeline.finish(frames)]);
    }
  });

  it.each([
    [['speed=0.2']],
    [['join.recordings=3', 'join.pause=0.3', 'speed=0.1']],
    [['noise.probability=1', 'reverberation.probability=1', 'volume=10', 'shelf=20']],
    [['vocalTract=0.2', 'mask.times=2', 'mask.features=1']],
  ])('makes frames of about the foreseen number with %j', (assignments) => {
    for (const example of examples(assignments)) {
      const [made] = realizeExample(example, utterances, pipeline, augmented(...assignments));
      const foreseen = exampleLength(example, utterances, pipeline);
      expect(Math.abs(made.frames - foreseen)).toBeLessThanOrEqual(2 + 2 * example.members.length);
      expect(made.values.every(Number.isFinite)).toBe(true);
      expect(made.dimension).toBe(pipeline.dimension);
    }
  });

  it('gives views of one sound that differ in vocal tract and masks, the first of them the one that is given alone', () => {
    const options = ['speed=0.2', 'noise.probability=1', 'vocalTract=0.2', 'mask.times=2', 'mask.timePart=0.3'];
    const config = augmented(...options);
    const realize = (example: Example, views?: number, own = config) =>
      realizeExample({ ...example, random: new Random(7) }, utterances, pipeline, own, views);
    for (const example of examples(options)) {
      const [first, second] = realize(example, 2);
      expect([first]).toEqual(realize(example));
      expect(second.frames).toBe(first.frames);
      expect(second.values).not.toEqual(first.values);
      const [one, other] = realize(example, 2, augmented('speed=0.2', 'noise.probability=1'));
      expect(other).toEqual(one);
    }
  });

  it('stretches frames where there is no sound', () => {
    const without = utterances.map(({ samples: _samples, ...utterance }) => utterance);
    const options = augmented('speed=0.3');
    for (const example of planExamples(3, options, new Random(2))) {
      const [made] = realizeExample(example, without, pipeline, options);
      const own = without[example.members[0]].frames.frames;
      expect(made.frames).toBe(Math.ceil(Math.round(own / example.speeds[0]) / config.features.stride));
    }
  });
});

describe('stretch', () => {
  it('keeps the first and the last frame, and a straight line straight', () => {
    const line = featureMatrix(
      Float32Array.from({ length: 11 }, (_, frame) => frame),
      1,
    );
    const slow = stretch(line, 0.5);
    expect([slow.frames, slow.values[0], slow.values[21]]).toEqual([22, 0, 10]);
    slow.values.forEach((value, frame) => expect(value).toBeCloseTo((frame * 10) / 21, 5));
    expect(stretch(line, 1)).toBe(line);
  });
});

describe('batches', () => {
  it('put the longest first, every recording in one of them, none above the frames but one alone', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1 }), (lengths) => {
        const batches = evaluationBatches(lengths, 60);
        expect(batches.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, index) => index));
        for (const batch of batches) {
          const longest = Math.max(...batch.map((place) => lengths[place]));
          expect(batch.length === 1 || batch.length * longest <= 60).toBe(true);
        }
      }),
    );
    const row = (frames: number) => ({
      features: { ...featureMatrix(new Float32Array(frames), 1) },
      labels: new Int32Array(1),
    });
    const { rows, frames } = featureRows([row(2), row(5), row(3)]);
    expect([rows.map(({ features }) => features.frames), frames]).toEqual([[5, 3, 2], 10]);
  });
});
