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
  nBest?: number;
  hotWords?: readonly HotWord[];
  weights?: LanguageWeights;
}

/** Turns the scores of frames into words, as a run's configuration says or otherwise where it is told. */
export class TranscriptDecoder {
  readonly method: 'beam' | 'greedy';
  private readonly beam: number;
  private readonly scorer?: LanguageScorer;

  constructor(
    private readonly symbols: SymbolTable,
    private readonly config: Config['decoding'],
    language: LanguageKnowledge,
    private readonly stackSeconds: number,
    private readonly options: DecoderOptions = {},
  ) {
    const weights = options.weights ?? { weight: config.weight ?? 0, wordBonus: config.wordBonus ?? 0 };
    this.method = options.method ?? config.method;
    this.beam = Math.max(options.beam ?? config.beam, options.nBest ?? 1);
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
    return new CtcBeamDecoder(this.symbols.size, {
      ...{ beamWidth: this.beam, nBest: this.options.nBest ?? 1, scorer: this.scorer },
      ...{ minimumLogProbability, margin },
    });
  }

  /** What such a search has found. */
  finish(decoder: CtcBeamDecoder, offset = 0): TranscriptHypothesis[] {
    const found = decoder.finish();
    // Words of a closed vocabulary may all have been passed over: then what there is of one counts.
    const hypotheses = found.length > 0 ? found : [decoder.partial()];
    return hypotheses.map((hypothesis) => this.ofHypothesis(hypothesis, offset));
  }

  ofHypothesis({ symbols, acoustic, language }: CtcHypothesis, offset = 0): TranscriptHypothesis {
    return this.describe(symbols, acoustic, language, offset);
  }

  private describe(spans: readonly SymbolSpan[], acoustic: number, language: number, offset = 0): TranscriptHypothesis {
    const { symbols, separator } = this.symbols;
    const words = wordTimes(spans, { symbols, separator, secondsPerFrame: this.stackSeconds, offset });
    return { text: this.symbols.decode(spans.map(({ symbol }) => symbol)), words, acoustic, language };
  }
}
