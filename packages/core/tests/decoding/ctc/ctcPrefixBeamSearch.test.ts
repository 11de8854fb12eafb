import { describe, expect, it } from 'vitest';
import {
  combineScorers,
  CtcBeamDecoder,
  ctcPrefixBeamSearch,
  forcedAlignment,
  hotWordScorer,
  insertionBonus,
  lexiconScorer,
  weighted,
  type LanguageScorer,
  type PrefixBeamOptions,
} from '../../../src/index.js';
import { drawScores, everyText, scoresOfPath } from './scores.js';

/** A bigram model of symbols, from a formula. */
const bigrams: LanguageScorer<number, number> = {
  start: () => 0,
  next: (before, symbol) => ({ logProbability: -0.3 - ((3 * before + symbol) % 5) / 2, state: symbol }),
  finish: (before) => -0.2 * before,
};
const scorers: Record<string, LanguageScorer | undefined> = {
  'no scorer': undefined,
  'a language model and a bonus': combineScorers(weighted(bigrams, 0.8), insertionBonus(0.7)),
  'a lexicon and hot words': combineScorers(
    lexiconScorer([[2], [3, 2], [2, 2]], { separator: 1 }),
    hotWordScorer([{ symbols: [3, 2], boost: 2 }], { separator: 1 }),
  ),
};

describe('ctcPrefixBeamSearch', () => {
  it.each(Object.keys(scorers))('without limits is the sum over all alignments, with %s', (name) => {
    const scorer = scorers[name];
    for (let seed = 1; seed <= 3; seed++) {
      const scores = drawScores(seed, 5, 4);
      const wanted = everyText(scores.rows, scorer);
      const got = ctcPrefixBeamSearch(scores, { beamWidth: 1000, nBest: 1000, scorer });
      expect(got.length).toBe(wanted.length);
      got.forEach((hypothesis, rank) => {
        expect(hypothesis.symbols.map(({ symbol }) => symbol)).toEqual(wanted[rank].symbols);
        for (const key of ['acoustic', 'language', 'total'] as const) {
          expect(hypothesis[key]).toBeCloseTo(wanted[rank][key], 9);
        }
      });
    }
  });

  it('takes any class for the blank', () => {
    const scores = drawScores(9, 5, 3);
    const [best] = ctcPrefixBeamSearch(scores, { blank: 2 });
    const [wanted] = everyText(scores.rows, undefined, 2);
    expect(best.symbols.map(({ symbol }) => symbol)).toEqual(wanted.symbols);
    expect(best.total).toBeCloseTo(wanted.total, 9);
  });

  it('gives every text the frames of its forced alignment', () => {
    const scores = drawScores(6, 6, 4);
    for (const { symbols } of ctcPrefixBeamSearch(scores, { beamWidth: 2000, nBest: 2000 })) {
      const aligned = forcedAlignment(
        scores,
        symbols.map(({ symbol }) => symbol),
      ).symbols;
      expect(symbols).toEqual(aligned.map((span) => ({ ...span, confidence: expect.closeTo(span.confidence, 9) })));
    }
  });

  it('sums where the best path sees one alignment only', () => {
    // Each frame prefers the blank, and yet "1" is more probable than nothing: 1 - 0.6^2.
    const row = [0.6, 0.4].map(Math.log);
    const [best] = ctcPrefixBeamSearch({ logProbabilities: [...row, ...row], symbolCount: 2 });
    expect(best.symbols.map(({ symbol }) => symbol)).toEqual([1]);
    expect(Math.exp(best.acoustic)).toBeCloseTo(0.64, 10);
  });

  it.each<[string, PrefixBeamOptions]>([
    ['a narrow beam', { beamWidth: 3 }],
    ['few symbols a frame', { topSymbols: 2 }],
    ['a least probability', { minimumLogProbability: -3 }],
    ['a margin', { margin: 4 }],
  ])('finds sure texts with %s, and never a probability above the whole', (_name, options) => {
    const path = [0, 3, 3, 0, 1, 2, 0, 2, 0, 0, 3, 1];
    const scores = scoresOfPath(path, 6, 0.8);
    const [best] = ctcPrefixBeamSearch(scores, options);
    const [wanted] = ctcPrefixBeamSearch(scores, { beamWidth: 400 });
    expect(best.symbols.map(({ symbol }) => symbol)).toEqual([3, 1, 2, 2, 3, 1]);
    expect(best.acoustic).toBeLessThanOrEqual(wanted.acoustic + 1e-12);
    expect(best.acoustic).toBeGreaterThan(wanted.acoustic - 1);
  });

  it('lets nothing but the likely symbols in', () => {
    const scores = drawScores(7, 6, 5);
    for (const { symbols } of ctcPrefixBeamSearch(scores, { topSymbols: 1, beamWidth: 50, nBest: 50 })) {
      for (const { symbol, start } of symbols) {
        const row = scores.rows[start].slice(1);
        expect(symbol).toBe(1 + row.indexOf(Math.max(...row)));
      }
    }
    const least = { minimumLogProbability: Math.log(0.3), beamWidth: 50, nBest: 50 };
    for (const { symbols } of ctcPrefixBeamSearch(scores, least)) {
      for (const { symbol, start } of symbols) expect(scores.rows[start][symbol]).toBeGreaterThan(Math.log(0.3));
    }
  });

  it('returns nothing where the scorer forbids every text of the beam', () => {
    const scorer = lexiconScorer([[2, 2, 2, 2]], { separator: 1 });
    expect(ctcPrefixBeamSearch(scoresOfPath([2], 3, 1), { scorer })).toEqual([]);
  });

  it('finds nothing in no frames, with all of its probability', () => {
    expect(ctcPrefixBeamSearch({ logProbabilities: [], symbolCount: 3 })).toEqual([
      { symbols: [], acoustic: 0, language: 0, total: 0 },
    ]);
  });

  it('names what is wrong', () => {
    const scores = scoresOfPath([1], 3);
    const search = (options: PrefixBeamOptions) => () => ctcPrefixBeamSearch(scores, options);
    expect(search({ beamWidth: 0 })).toThrow('Expected beamWidth to be a positive integer, got 0');
    expect(search({ beamSize: 3 } as object)).toThrow(/knows, got beamSize; did you mean beamWidth/);
    expect(search({ topSymbols: 1.5 })).toThrow('Expected topSymbols to be a positive integer, got 1.5');
    expect(search({ beamWidth: 2, nBest: 3 })).toThrow('Expected nBest to be at most beamWidth = 2, got 3');
    expect(search({ margin: 0 })).toThrow('Expected margin to be a positive number, got 0');
    expect(search({ minimumLogProbability: 1 })).toThrow('Expected minimumLogProbability to be at most 0, got 1');
    expect(search({ blank: -1 })).toThrow('Expected blank to be an integer of [0, 3), got -1');
    expect(() => ctcPrefixBeamSearch({ logProbabilities: [0, NaN, -1], symbolCount: 3 })).toThrow(
      'Expected logProbabilities of frame 0 to be at most 0, got NaN',
    );
  });
});

describe('CtcBeamDecoder', () => {
  it('gives the same in pieces as at once, with partial results on the way', () => {
    const scores = drawScores(8, 20, 5, 2.5);
    const options = { beamWidth: 8, nBest: 8, topSymbols: 3, scorer: weighted(bigrams, 0.5) };
    const whole = ctcPrefixBeamSearch(scores, options);
    for (const size of [1, 3, 20]) {
      const decoder = new CtcBeamDecoder(5, options);
      for (let frame = 0; frame < 20; frame += size) {
        decoder.feed({
          logProbabilities: Array.from(scores.logProbabilities).slice(5 * frame, 5 * (frame + size)),
          symbolCount: 5,
        });
        const read = Math.min(20, frame + size);
        expect(decoder.frames).toBe(read);
        const before = ctcPrefixBeamSearch(
          { logProbabilities: Array.from(scores.logProbabilities).slice(0, 5 * read), symbolCount: 5 },
          { ...options, nBest: 1, scorer: { ...options.scorer, finish: () => 0 } },
        );
        expect(decoder.partial()).toEqual(before[0]);
      }
      expect(decoder.finish()).toEqual(whole);
    }
  });

  it('begins anew when reset', () => {
    const scores = drawScores(8, 6, 4);
    const decoder = new CtcBeamDecoder(4);
    decoder.feed(scores);
    const first = decoder.finish();
    decoder.feed(scores);
    expect(decoder.finish()).not.toEqual(first);
    decoder.reset();
    decoder.feed(scores);
    expect(decoder.finish()).toEqual(first);
  });

  it('forgets the prefixes that left the beam', () => {
    const decoder = new CtcBeamDecoder(6, { beamWidth: 4 });
    decoder.feed(drawScores(10, 300, 6));
    type Node = { parent: Node | null; children: Map<number, Node> | null };
    const { beam } = decoder as unknown as { beam: Node[] };
    const kept = new Set<Node>();
    for (const prefix of beam) for (let node: Node | null = prefix; node; node = node.parent) kept.add(node);
    let root = beam[0];
    while (root.parent) root = root.parent;
    const count = (node: Node): number =>
      [...(node.children?.values() ?? [])].reduce((sum, child) => sum + count(child), 1);
    // The beam's own ancestors, and at most the children of its four prefixes.
    expect(count(root)).toBeLessThanOrEqual(kept.size + 4 * 5);
  });

  it('names scores of other symbols', () => {
    expect(() => new CtcBeamDecoder(4).feed(scoresOfPath([1], 3))).toThrow(
      "Expected symbolCount to be 4, as the decoder's, got 3",
    );
  });
});
