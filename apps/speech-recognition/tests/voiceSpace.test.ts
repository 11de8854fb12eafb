import { featureMatrix, type FeatureMatrix } from '@cadenza/audio';
import { InputError, Random } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { VoiceSpace, type Spoken } from '../src/voiceSpace.js';
import { learnVoices, voicesOf } from '../src/speakers.js';
import { voiceOf } from '../src/voices.js';
import { FeaturePipeline } from '../src/features.js';
import { NormalizationStatistics } from '@cadenza/audio';
import { smallConfig } from './tones.js';

const [D, LOUDNESS] = [4, 2];

/** Frames of somebody's voice who says one of three words. */
function say(voice: readonly number[], word: number, random: Random): FeatureMatrix {
  const frames = 6 + random.integer(6);
  const values = Float32Array.from({ length: frames * D }, (_, at) => {
    const d = at % D;
    const said = Math.sin(1 + word + d) * Math.sin(at / D);
    return d === 0 ? -random.next() : voice[d] + said + 0.2 * random.normal();
  });
  return featureMatrix(values, D);
}

function drawVoices(count: number, random: Random): number[][] {
  return Array.from({ length: count }, () => Array.from({ length: D }, () => 3 * random.normal()));
}

function recordingsOf(voice: readonly number[], count: number, random: Random): FeatureMatrix[] {
  return Array.from({ length: count }, (_, index) => say(voice, index % 3, random));
}

const random = new Random(5);
const named: Spoken[] = drawVoices(8, random).flatMap((voice, speaker) =>
  recordingsOf(voice, 12, random).map((frames) => ({ speaker: `speaker ${speaker}`, frames })),
);
const space = VoiceSpace.learn(named, LOUDNESS)!;

/** Whether two groupings are the same but for the numbers of the groups. */
function sameGroups(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  return Array.from(one).every((group, a) =>
    Array.from(one).every((second, b) => (group === second) === (other[a] === other[b])),
  );
}

describe('VoiceSpace', () => {
  it('groups recordings of speakers that it has never heard', () => {
    const [one, other, third] = drawVoices(3, random);
    const truth = [...Array(30).fill(0), ...Array(30).fill(1), ...Array(30).fill(2)] as number[];
    const recordings = [one, other, third].flatMap((voice) => recordingsOf(voice, 30, random));
    const order = random.shuffle(Int32Array.from(truth.keys()));
    const groups = space.group(
      Array.from(order, (index) => recordings[index]),
      LOUDNESS,
    );
    expect(
      sameGroups(
        groups,
        Array.from(order, (index) => truth[index]),
      ),
    ).toBe(true);
  });

  it('finds one speaker where there is one, whatever is said', () => {
    const groups = space.group(recordingsOf(drawVoices(1, random)[0], 60, random), LOUDNESS);
    expect(new Set(groups).size).toBe(1);
  });

  it('groups the same way each time, nothing and one recording too', () => {
    const recordings = drawVoices(4, random).flatMap((voice) => recordingsOf(voice, 5, random));
    expect(space.group(recordings, LOUDNESS)).toEqual(space.group(recordings, LOUDNESS));
    expect(space.group([], LOUDNESS)).toEqual(new Int32Array(0));
    expect(space.group(recordings.slice(0, 1), LOUDNESS)).toEqual(Int32Array.of(0));
  });

  it('learns nothing of too few speakers or recordings, or of nobody named', () => {
    expect(VoiceSpace.learn([], LOUDNESS)).toBeUndefined();
    expect(VoiceSpace.learn(named.slice(0, 24), LOUDNESS)).toBeUndefined();
    expect(
      VoiceSpace.learn(
        named.filter((_, index) => index % 12 < 2),
        LOUDNESS,
      ),
    ).toBeUndefined();
    expect(
      VoiceSpace.learn(
        named.map(({ frames }) => ({ frames })),
        LOUDNESS,
      ),
    ).toBeUndefined();
  });

  it('lets so much of the evidence count as tells strangers apart best, none of what is said', () => {
    // Recordings differ in a way of their own each: those of a speaker have nothing in common but the voice.
    const told = drawVoices(12, random).flatMap((voice, speaker) =>
      Array.from({ length: 12 }, (_, index) => ({
        speaker: `speaker ${speaker}`,
        frames: say(
          voice.map((value) => value + 1.5 * random.normal()),
          index % 3,
          random,
        ),
      })),
    );
    expect(VoiceSpace.learn(told, LOUDNESS)!.evidence).toBeGreaterThan(0.1);
    // Voices that are next to alike, beside words that are not: more evidence would group by words.
    const alike = drawVoices(12, random).flatMap((voice, speaker) =>
      recordingsOf(
        voice.map((value) => value / 30),
        60,
        random,
      ).map((frames) => ({ speaker: `speaker ${speaker}`, frames })),
    );
    expect(VoiceSpace.learn(alike, LOUDNESS)!.evidence).toBe(0.05);
  });

  it('takes the least evidence where there are too few speakers to try it with', () => {
    expect(VoiceSpace.learn(named.slice(0, 36), LOUDNESS)!.evidence).toBe(0.05);
  });

  it('is written and read, from before there was a choice of evidence too', () => {
    const again = VoiceSpace.fromJSON(JSON.parse(JSON.stringify(space)));
    const recordings = drawVoices(3, random).flatMap((voice) => recordingsOf(voice, 20, random));
    expect(again.group(recordings, LOUDNESS)).toEqual(space.group(recordings, LOUDNESS));
    expect(again.evidence).toBe(space.evidence);
    const { evidence: _, ...old } = space.toJSON();
    expect(VoiceSpace.fromJSON(old).evidence).toBe(0.05);
  });

  it.each([
    null,
    3,
    {},
    { mean: [1], transform: [[1, 2]], spread: [1] },
    { mean: [1], transform: [['a']], spread: [1] },
    { mean: [1], transform: [], spread: [1] },
    { mean: [1], transform: [[1]], spread: [1], evidence: 0 },
  ])('refuses %j', (value) => {
    expect(() => VoiceSpace.fromJSON(value)).toThrow(InputError);
  });
});

describe('voicesOf', () => {
  const { features: config } = smallConfig('normalization=speaker', 'cepstra=4');
  const voices = learnVoices(named, new FeaturePipeline({ ...config, normalization: 'none' }).loudness);
  const pipeline = new FeaturePipeline(config, new NormalizationStatistics(D), voices);
  const [one, other] = drawVoices(2, random).map((voice) => recordingsOf(voice, 25, random));

  it('gives recordings of nobody named the voice of who seems to speak, and leaves the named ones theirs', () => {
    const spoken: Spoken[] = [
      ...one.map((frames) => ({ frames })),
      ...other.map((frames) => ({ frames })),
      { speaker: 'a', frames: one[0] },
    ];
    const found = voicesOf(spoken, pipeline);
    expect(found[0]).toBe(found[24]);
    expect(found[25]).toBe(found[49]);
    expect(found[0]).not.toBe(found[25]);
    expect(found[50]).toEqual(pipeline.voiceOf([one[0]]));
  });

  it('gives one recording its own voice, and one without frames none', () => {
    const [alone, empty] = voicesOf([{ frames: one[0] }, { frames: featureMatrix(new Float32Array(0), D) }], pipeline);
    expect(alone).toEqual(pipeline.voiceOf([one[0]]));
    expect(empty).toBeUndefined();
  });

  it('takes four recordings of the usual voice for heard before', () => {
    const all = voiceOf(
      named.map(({ frames }) => frames),
      pipeline.loudness,
    );
    const own = voiceOf(one, pipeline.loudness);
    const [weight, before] = [own.count, (4 / named.length) * all.count];
    const voice = pipeline.voiceOf(one);
    for (let d = 0; d < D; d++) {
      const mean = (weight * own.mean(d) + before * all.mean(d)) / (weight + before);
      expect(voice.mean(d)).toBeCloseTo(mean, 6);
    }
    expect(Math.abs(voice.mean(1) - own.mean(1))).toBeGreaterThan(0.01);
  });
});
