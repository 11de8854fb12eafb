import { describe, expect, it } from 'vitest';
import { TranscriptDecoder } from '../src/decoder.js';
import { errorReport } from '../src/errorReport.js';
import { countsOf, scoreTranscripts } from '../src/evaluate.js';
import { learnLanguage, languageScorer } from '../src/languageModel.js';
import { cleanText, SymbolTable } from '../src/symbols.js';
import { tuneDecoding } from '../src/tuneDecoding.js';
import { smallConfig } from './tones.js';

const characters = SymbolTable.learn(['go on', 'no'], { unit: 'character', casing: 'lower' });

/** Scores that spell a path, one symbol a frame, each with a rival of some probability. */
function scoresOf(symbols: SymbolTable, path: string[], rivals: Record<number, [string, number]> = {}) {
  const id = (symbol: string): number => (symbol === '-' ? 0 : symbols.symbols.indexOf(symbol));
  const V = symbols.size;
  const logProbabilities = new Float32Array(path.length * V).fill(Math.log(0.001));
  path.forEach((symbol, frame) => {
    const [rival, probability] = rivals[frame] ?? ['-', 0.01];
    logProbabilities[frame * V + id(rival)] = Math.log(probability);
    logProbabilities[frame * V + id(symbol)] = Math.log(1 - probability - 0.001 * V);
  });
  return { logProbabilities, symbolCount: V };
}

describe('SymbolTable', () => {
  it('learns characters and the space between words, or words', () => {
    expect(characters.symbols).toEqual(['', ' ', 'g', 'n', 'o']);
    expect([...characters.encode('  Go   NO ').ids]).toEqual([2, 4, 1, 3, 4]);
    const words = SymbolTable.learn(['go on', 'no'], { unit: 'word', casing: 'lower' });
    expect(words.symbols).toEqual(['', 'go', 'no', 'on']);
    expect(words.decode(words.encode('no go').ids)).toBe('no go');
    expect([characters.separator, words.separator]).toEqual([1, -1]);
  });

  it('tells what it does not know and leaves it out', () => {
    expect(characters.encode('goat')).toEqual({ ids: Int32Array.of(2, 4), unknown: ['a', 't'] });
  });

  it('is the same again from its file, and refuses another', () => {
    const again = SymbolTable.fromJSON(JSON.parse(JSON.stringify(characters)));
    expect(again.fingerprint).toBe(characters.fingerprint);
    expect(() => SymbolTable.fromJSON({ unit: 'character' })).toThrow(
      /Expected a vocabulary to have unit, casing and symbols/,
    );
    expect(() => SymbolTable.fromJSON({ ...characters.toJSON(), symbols: ['a', 'a'] })).toThrow(/each once/);
  });

  it('keeps capitals where they count', () => {
    expect([cleanText(' A  b ', 'none'), cleanText(' A  b ', 'lower')]).toEqual(['A b', 'a b']);
    expect(cleanText('J\u030c', 'lower')).toBe('\u01f0'); // composed, as its capital cannot be
  });
});

describe('TranscriptDecoder', () => {
  const config = smallConfig('decoding.beam=16', 'languageModel=word', 'order=2', 'vocabulary=closed');
  const language = learnLanguage(['go on', 'go on', 'no'], config);
  const decoder = (options = {}) =>
    new TranscriptDecoder(characters, config.decoding, language, 0.02, {
      weights: { weight: 1, wordBonus: 0 },
      ...options,
    });

  it('writes what the frames say, with the times and confidences of its words', () => {
    const [{ text, words }] = decoder().decode(scoresOf(characters, ['-', 'g', 'g', 'o', ' ', '-', 'o', 'n']));
    expect(text).toBe('go on');
    expect(words).toMatchObject([
      { word: 'go', start: 0.02, end: expect.closeTo(0.08, 9) },
      { word: 'on', start: 0.12, end: expect.closeTo(0.16, 9) },
    ]);
    expect(words[0].confidence).toBeGreaterThan(0.9);
  });

  it('is held to the words of the training part where its vocabulary is closed', () => {
    const misspelt = scoresOf(characters, ['g', 'n', '-'], { 1: ['o', 0.3] });
    expect(decoder({ method: 'greedy' }).decode(misspelt)[0].text).toBe('gn');
    expect(decoder().decode(misspelt)[0].text).toBe('go');
  });

  it('lets the language decide between what sounds alike, and hot words against it', () => {
    const alike = scoresOf(characters, ['g', 'o', ' ', 'o', 'n'], { 3: ['n', 0.49], 4: ['o', 0.49] });
    expect(decoder().decode(alike)[0].text).toBe('go on');
    const hot = decoder({ hotWords: [{ phrase: 'go no', boost: 12 }] });
    expect(hot.decode(alike)[0].text).toBe('go no');
  });

  it('gives several hypotheses, the best first', () => {
    const found = decoder({ nBest: 3 }).decode(scoresOf(characters, ['n', 'o', '-'], { 0: ['g', 0.4] }));
    expect(found.map(({ text }) => text).slice(0, 2)).toEqual(['no', 'go']);
    const totals = found.map(({ acoustic, language: added }) => acoustic + added);
    expect([...totals].sort((a, b) => b - a)).toEqual(totals);
  });

  it('hears nothing in no frames', () => {
    expect(decoder().decode({ logProbabilities: new Float32Array(0), symbolCount: characters.size })[0].text).toBe('');
    expect(decoder({ method: 'greedy' }).decode({ logProbabilities: [], symbolCount: characters.size })[0].text).toBe(
      '',
    );
  });

  it('takes a model of characters too', () => {
    const spelled = smallConfig('languageModel=character', 'order=3');
    const scorer = languageScorer(learnLanguage(['go on', 'no'], spelled), characters, spelled.decoding, {
      weight: 1,
      wordBonus: 0,
    })!;
    const score = (text: string): number => {
      let state = scorer.start();
      let sum = 0;
      for (const id of characters.encode(text).ids) {
        const next = scorer.next(state, id);
        sum += next.logProbability;
        state = next.state;
      }
      return sum + scorer.finish(state);
    };
    expect(score('go on')).toBeGreaterThan(score('og no'));
  });
});

describe('tuneDecoding', () => {
  it('finds weights with which the language mends what was misheard, and leaves fixed ones', async () => {
    const config = smallConfig('languageModel=word', 'order=2', 'vocabulary=open');
    const language = learnLanguage(['go on', 'go on', 'go on', 'no'], config);
    const scores = [scoresOf(characters, ['g', 'o', ' ', 'n', 'n'], { 3: ['o', 0.3] })];
    const known = { symbols: characters, language, pipeline: { stackSeconds: 0.02 } as never };
    const tuned = await tuneDecoding([scores], ['go on'], known, config.decoding);
    expect(tuned.wer).toBe(0);
    expect(tuned.weight).toBeGreaterThan(0);
    const fixed = { ...config.decoding, weight: 0, wordBonus: 0 };
    expect(await tuneDecoding([scores], ['go on'], known, fixed)).toMatchObject({ weight: 0, wordBonus: 0, wer: 0.5 });
  });
});

describe('errorReport', () => {
  const recordings = [
    { id: 'a-1', speaker: 'anna', reference: 'go on now', hypothesis: 'no on' },
    { id: 'b-1', speaker: 'otto', reference: 'no', hypothesis: 'no' },
  ];
  const result = scoreTranscripts(
    recordings.map(({ reference }) => reference),
    recordings.map(({ hypothesis }) => hypothesis),
  );

  it('counts errors over all words', () => {
    expect(countsOf(result)).toEqual({
      ...{ wer: 0.5, cer: expect.closeTo(5 / 11, 9), utterances: 2, words: 4, accuracy: 0.5 },
      ...{ substitutions: 1, deletions: 1, insertions: 0 },
    });
  });

  it('shows each speaker, each confusion, and what stands beside what', () => {
    const report = errorReport(recordings, result);
    expect(report).toMatch(/anna +66\.67 %/);
    expect(report).toMatch(/otto +0\.00 %/);
    expect(report).toMatch(/go +no +1/);
    expect(report).toContain(
      'id: (a-1) speaker: anna\nScores: (#C #S #D #I) 1 1 1 0\nREF:  GO on NOW\nHYP:  NO on ***\nEval: S     D',
    );
    expect(report).not.toContain('(b-1)');
  });
});
