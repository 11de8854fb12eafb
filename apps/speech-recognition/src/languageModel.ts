import { characterTokens, NgramModel, type NgramState } from '@cadenza/text';
import {
  combineScorers,
  hotWordScorer,
  insertionBonus,
  lexiconScorer,
  symbolScorer,
  weighted,
  wordScorer,
  type LanguageScorer,
} from '@cadenza/core';
import type { Config } from './config.js';
import type { SymbolTable } from './symbols.js';

export type DecodingConfig = Config['decoding'];

/** What a run knows of its language: an n-gram model of the training transcripts, and their words. */
export interface LanguageKnowledge {
  /** Of words or characters, as the configuration says; absent for no model. */
  model?: NgramModel;
  /** The words of the training transcripts, sorted. */
  words: string[];
}

/** A phrase that is likely to be said, and how many nats more it is worth. */
export interface HotWord {
  phrase: string;
  boost: number;
}

/** Learns what the configuration asks for from the transcripts of the training part. */
export function learnLanguage(texts: readonly string[], { decoding, text }: Config): LanguageKnowledge {
  const words = [...new Set(texts.flatMap((line) => line.split(' ')))].filter((word) => word !== '').sort();
  if (decoding.languageModel === 'none') return { words };
  const tokens = decoding.languageModel === 'word' || text.unit === 'word' ? wordTokens : characterTokens;
  return { words, model: NgramModel.train(texts.map(tokens), { order: decoding.order }) };
}

const wordTokens = (text: string): string[] => text.split(' ').filter((word) => word !== '');

/** How much the language counts. */
export interface LanguageWeights {
  weight: number;
  wordBonus: number;
}

/** What the beam search adds to the acoustic score; undefined where nothing is known of the language. */
export function languageScorer(
  { model, words }: LanguageKnowledge,
  symbols: SymbolTable,
  { languageModel, vocabulary }: DecodingConfig,
  { weight, wordBonus }: LanguageWeights,
  hotWords: readonly HotWord[] = [],
): LanguageScorer | undefined {
  const { separator } = symbols;
  const spelling = { symbols: symbols.symbols, separator };
  const parts: LanguageScorer<number>[] = [];
  if (separator >= 0 && vocabulary === 'closed') {
    // What is likely to be said may be said, though nobody said it in training.
    const hot = hotWords.flatMap(({ phrase }) => symbols.clean(phrase).split(' '));
    parts.push(
      lexiconScorer(
        [...new Set([...words, ...hot])].map((word) => Array.from(symbols.encode(word).ids)),
        { separator },
      ) as LanguageScorer<number>,
    );
  }
  if (model !== undefined && weight > 0) {
    const scorer =
      languageModel === 'character'
        ? symbolScorer(spaced(model), symbols.symbols)
        : separator < 0
          ? symbolScorer(model, symbols.symbols)
          : wordScorer(model, spelling);
    parts.push(weighted(scorer as LanguageScorer<number>, weight));
  }
  if (wordBonus !== 0) parts.push(insertionBonus(wordBonus, { separator }) as LanguageScorer<number>);
  if (hotWords.length > 0) {
    const phrases = hotWords.map(({ phrase, boost }) => ({ symbols: Array.from(symbols.encode(phrase).ids), boost }));
    parts.push(hotWordScorer(phrases, { separator }) as LanguageScorer<number>);
  }
  if (parts.length === 0) return undefined;
  return parts.length === 1 ? parts[0] : (combineScorers(...parts) as LanguageScorer);
}

/** A model of characters, whose token for a space has a name of its own. */
function spaced(model: NgramModel): LanguageScorer<string, NgramState> {
  const [space] = characterTokens(' ');
  return {
    start: () => model.start(),
    next: (state, symbol) => model.next(state, symbol === ' ' ? space : symbol),
    finish: (state) => model.finish(state),
  };
}
