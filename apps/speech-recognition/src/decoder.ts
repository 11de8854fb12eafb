import {
  CtcBeamDecoder,
  ctcGreedy,
  wordTimes,
  type CtcHypothesis,
  type FrameScores,
  type LanguageScorer,
  type SymbolSpan,
  type TimedWord,
} from '@cadenza/core';
import type { Config } from './config.js';
import { languageScorer, type HotWord, type LanguageKnowledge, type LanguageWeights } from './languageModel.js';
import type { SymbolTable } from './symbols.js';

/** One way to understand a recording. */
export interface TranscriptHypothesis {
  text: string;
  words: TimedWord[];
  /** log p(text | sound) and what the language added, in nats. */
  acoustic: number;
  language: number;
}

export interface DecoderOptions {
  method?: 'beam' | 'greedy';
  beam?: number;
  /** Texts of each recording, 1 when absent; equal ones are given once, so that there may be fewer. */
  nBest?: number;
  hotWords?: readonly HotWord[];
  weights?: LanguageWeights;
}

/** Turns the scores of frames into words, as a run's configuration says or otherwise where it is told. */
export class TranscriptDecoder {
  readonly method: 'beam' | 'greedy';
  private readonly beam: number;
  private readonly nBest: number;
  private readonly scorer?: LanguageScorer;

  constructor(
    private readonly symbols: SymbolTable,
    private readonly config: Config['decoding'],
    language: LanguageKnowledge,
    private readonly stackSeconds: number,
    options: DecoderOptions = {},
  ) {
    const weights = options.weights ?? { weight: config.weight ?? 0, wordBonus: config.wordBonus ?? 0 };
    this.method = options.method ?? config.method;
    this.nBest = options.nBest ?? 1;
    this.beam = Math.max(options.beam ?? config.beam, this.nBest);
    this.scorer =
      this.method === 'beam' ? languageScorer(language, symbols, config, weights, options.hotWords) : undefined;
  }

  /** At most `nBest` hypotheses, the best first; one that is empty where nothing was heard. */
  decode(scores: FrameScores): TranscriptHypothesis[] {
    if (this.method === 'greedy') {
      const { symbols, logProbability } = ctcGreedy(scores);
      return [this.describe(symbols, logProbability, 0)];
    }
    const decoder = this.start();
    decoder.feed(scores);
    return this.finish(decoder);
  }

  /** A search for frames that arrive in pieces. */
  start(): CtcBeamDecoder {
    const { minimumLogProbability, margin } = this.config;
    // Some symbols may spell one text in two ways, with a separator at its end and without.
    const nBest = this.nBest === 1 ? 1 : Math.min(this.beam, 2 * this.nBest);
    return new CtcBeamDecoder(this.symbols.size, {
      ...{ beamWidth: this.beam, nBest, scorer: this.scorer },
      ...{ minimumLogProbability, margin },
    });
  }

  /** What such a search has found, each text once. */
  finish(decoder: CtcBeamDecoder): TranscriptHypothesis[] {
    const found = decoder.finish();
    // Words of a closed vocabulary may all have been passed over: then what there is of one counts.
    const hypotheses = found.length > 0 ? found : [decoder.partial()];
    const texts = new Set<string>();
    return hypotheses
      .map((hypothesis) => this.ofHypothesis(hypothesis))
      .filter(({ text }) => !texts.has(text) && texts.add(text))
      .slice(0, this.nBest);
  }

  ofHypothesis({ symbols, acoustic, language }: CtcHypothesis): TranscriptHypothesis {
    return this.describe(symbols, acoustic, language);
  }

  private describe(spans: readonly SymbolSpan[], acoustic: number, language: number): TranscriptHypothesis {
    const { symbols, separator } = this.symbols;
    const words = wordTimes(spans, { symbols, separator, secondsPerFrame: this.stackSeconds });
    return { text: this.symbols.decode(spans.map(({ symbol }) => symbol)), words, acoustic, language };
  }
}
