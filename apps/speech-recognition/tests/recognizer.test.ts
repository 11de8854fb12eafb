import { ConfigError, Random, type FrameScores } from '@cadenza/core';
import { selectBackend } from '@cadenza/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { fuseHypotheses } from '../src/fusion.js';
import { Recognizer } from '../src/recognizer.js';
import type { OpenRun } from '../src/run.js';
import { sing, smallConfig } from './tones.js';
import { untrained } from './untrained.js';

beforeAll(async () => {
  await selectBackend('auto', { threads: 1 });
});

describe('Recognizer', () => {
  const songs = ['do', 're mi', 'fa do fa'].map((text) => sing(text, new Random(text.length)));
  const classifier = (factors: number[]) =>
    untrained(smallConfig('task=classify', 'unit=word', `decoding.vocalTracts=${JSON.stringify(factors)}`));

  /** log p of each label by its name, of every song. */
  async function labelsOf(factors: number[]): Promise<Map<string, number>[]> {
    const recognizer = classifier(factors);
    const transcripts = await recognizer.transcribe(songs, { nBest: 100 });
    recognizer.dispose();
    return transcripts.map(({ hypotheses }) => new Map(hypotheses.map(({ text, acoustic }) => [text, acoustic])));
  }

  it('takes the mean of what it hears as of several vocal tracts', async () => {
    const [short, plain, long] = [await labelsOf([0.9]), await labelsOf([1]), await labelsOf([1.15])];
    const all = await labelsOf([0.9, 1, 1.15]);
    all.forEach((labels, song) => {
      expect(labels.size).toBeGreaterThan(3);
      for (const [label, value] of labels) {
        const mean = (short[song].get(label)! + plain[song].get(label)! + long[song].get(label)!) / 3;
        expect(value).toBeCloseTo(mean, 4);
      }
    });
    expect(short[1].get('do')).not.toBeCloseTo(plain[1].get('do')!, 2);
  });

  it('gives progress through all of them, to the last recording', async () => {
    const recognizer = classifier([0.9, 1.1]);
    const seen: number[] = [];
    await recognizer.transcribe(songs, { onProgress: (done) => seen.push(done) });
    recognizer.dispose();
    expect(seen.at(-1)).toBe(songs.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.every(Number.isInteger)).toBe(true);
  });

  it('hears labels together with others by the mean of their log-probabilities', async () => {
    const config = smallConfig('task=classify', 'unit=word');
    const runs = [1, 2].map((seed) => untrained(config, seed).run);
    const heard = async (recognizer: Recognizer) => {
      const transcripts = await recognizer.transcribe(songs, { nBest: 100 });
      return transcripts.map(({ hypotheses }) => new Map(hypotheses.map(({ text, acoustic }) => [text, acoustic])));
    };
    const [one, other] = [await heard(new Recognizer(runs[0])), await heard(new Recognizer(runs[1]))];
    const together = await heard(new Recognizer(runs[0], [runs[1]]));
    together.forEach((labels, song) => {
      for (const [label, value] of labels) {
        expect(value).toBeCloseTo((one[song].get(label)! + other[song].get(label)!) / 2, 4);
      }
    });
  });

  it('gives what is heard together in the order of its scores, as many as are asked for', async () => {
    const { run } = untrained(smallConfig());
    const twice = await new Recognizer(run, [run]).transcribe(songs, { nBest: 3 });
    twice.forEach(({ hypotheses }) => {
      const scores = hypotheses.map(({ acoustic, language }) => acoustic + language);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(hypotheses).toHaveLength(3);
    });
  });

  it('refuses what several runs cannot do together', async () => {
    const { run } = untrained(smallConfig('model.bidirectional=false', 'normalization=running'));
    const together = new Recognizer(run, [run]);
    const greedy = new ConfigError('Expected decoding by beam for runs that hear together, got greedy for 2');
    await expect(together.transcribe(songs, { method: 'greedy' })).rejects.toThrow(greedy);
    expect(() => together.listen({ method: 'greedy' })).toThrow(greedy);
    expect(() => together.stream()).toThrow(
      new ConfigError('Expected one run to hear a stream as it comes, got 2; listen() takes several'),
    );
  });

  it('times the words of a hypothesis by the frames of the run that brought it', async () => {
    const [coarse, fine] = ['stride=4', 'stride=1'].map((stride, seed) => untrained(smallConfig(stride), seed).run);
    const options = { nBest: 100 };
    const hypothesesOf = async (...runs: OpenRun[]) => {
      const [transcript] = await new Recognizer(runs[0], runs.slice(1)).transcribe([songs[1]], options);
      // A text may be there more than once, with a space at its end: the best counts.
      return new Map(transcript.hypotheses.map(({ text, words }) => [text, words] as const).reverse());
    };
    const [own, others] = [await hypothesesOf(coarse), await hypothesesOf(fine)];
    const together = await hypothesesOf(coarse, fine);
    expect([...others.keys()].some((text) => !own.has(text) && together.has(text))).toBe(true);
    for (const [text, words] of together) expect(words).toEqual(own.get(text) ?? others.get(text));
  });

  it.each([
    [['unit=word'], 'symbols'],
    [['bands=14'], 'frames'],
  ])('refuses to hear together with a run of %j', (assignments, what) => {
    const [run, other] = [untrained(smallConfig()).run, untrained(smallConfig(...assignments)).run];
    expect(() => new Recognizer(run, [other])).toThrow(
      `Expected runs that hear together to have the same ${what}, got nowhere and nowhere of different ones`,
    );
  });
});

describe('fuseHypotheses', () => {
  const config = smallConfig('decoding.beam=200', 'decoding.margin=1000', 'decoding.minimumLogProbability=-1000');
  const { symbols } = untrained(config).run;

  /** Random scores of so many frames. */
  function draw(frames: number, random: Random): FrameScores {
    const rows = Array.from({ length: frames }, () => {
      const values = Array.from({ length: symbols.size }, () => 3 * random.normal());
      const total = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
      return values.map((value) => value - total);
    });
    return { logProbabilities: Float32Array.from(rows.flat()), symbolCount: symbols.size };
  }

  /** p(text) of every text that scores give any, over all paths. */
  function allTexts({ logProbabilities, symbolCount }: FrameScores): Map<string, number> {
    const frames = logProbabilities.length / symbolCount;
    const texts = new Map<string, number>();
    for (let path = 0; path < symbolCount ** frames; path++) {
      const steps = Array.from({ length: frames }, (_, frame) => Math.floor(path / symbolCount ** frame) % symbolCount);
      const log = steps.reduce((sum, symbol, frame) => sum + logProbabilities[frame * symbolCount + symbol], 0);
      const spelled = steps.filter((symbol, frame) => symbol !== 0 && symbol !== steps[frame - 1]);
      const text = symbols.decode(spelled);
      // A space at an end is no part of a text.
      if (symbols.encode(text).ids.join() !== spelled.join()) continue;
      texts.set(text, (texts.get(text) ?? 0) + Math.exp(log));
    }
    return texts;
  }

  it('finds the text of the greatest mean log-probability over all alignments, of models whose frames differ in number', () => {
    const decoder = new Recognizer(untrained(config).run).decoder({ nBest: 200, weights: { weight: 0, wordBonus: 0 } });
    for (let seed = 1; seed <= 5; seed++) {
      const scores = [draw(3, new Random(seed)), draw(4, new Random(100 + seed))];
      const heard = scores.map((each) => ({ scores: each, decoder }));
      const [one, other] = scores.map(allTexts);
      const means = [...one.keys()]
        .filter((text) => other.has(text))
        .map((text) => ({ text, mean: (Math.log(one.get(text)!) + Math.log(other.get(text)!)) / 2 }))
        .sort((a, b) => b.mean - a.mean);
      const [best] = fuseHypotheses(heard, symbols);
      expect(best.text).toBe(means[0].text);
      expect(best.acoustic).toBeCloseTo(means[0].mean, 3);
    }
  });

  it('lists a text once, with a space behind it and without, and the same first however many are listed', () => {
    const recognizer = new Recognizer(untrained(config).run);
    const weights = { weight: 0, wordBonus: 0 };
    for (let seed = 1; seed <= 20; seed++) {
      const scores = draw(5, new Random(seed));
      const textsOf = (nBest: number) =>
        recognizer
          .decoder({ nBest, weights })
          .decode(scores)
          .map(({ text }) => text);
      const texts = textsOf(6);
      expect(texts).toHaveLength(6);
      expect(new Set(texts).size).toBe(6);
      expect(textsOf(1)).toEqual(texts.slice(0, 1));
    }
  });
});
