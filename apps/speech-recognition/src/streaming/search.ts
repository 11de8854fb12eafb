import { ctcGreedy, type CtcBeamDecoder, type FrameScores, type SymbolSpan } from '@cadenza/core';
import type { TranscriptDecoder, TranscriptHypothesis } from '../decoder.js';

/** A search for the words of frames that arrive in pieces. */
export interface StreamSearch {
  feed(scores: FrameScores): void;
  /** The best so far. */
  partial(): TranscriptHypothesis;
  /** The best if the utterance ends here, the best first; at least one. */
  finish(): TranscriptHypothesis[];
}

/** The beam search of a decoder. */
export class BeamStream implements StreamSearch {
  private readonly search: CtcBeamDecoder;

  constructor(private readonly decoder: TranscriptDecoder) {
    this.search = decoder.start();
  }

  feed(scores: FrameScores): void {
    this.search.feed(scores);
  }

  partial(): TranscriptHypothesis {
    return this.decoder.ofHypothesis(this.search.partial());
  }

  finish(): TranscriptHypothesis[] {
    return this.decoder.finish(this.search);
  }
}

/** The likeliest symbol of each frame; a symbol that goes on from one piece to the next is one. */
export class GreedyStream implements StreamSearch {
  private readonly symbols: SymbolSpan[] = [];
  private logProbability = 0;
  private frames = 0;

  constructor(private readonly decoder: TranscriptDecoder) {}

  feed(scores: FrameScores): void {
    const { symbols, logProbability } = ctcGreedy(scores);
    for (const { symbol, start, end, confidence } of symbols) {
      const next = { symbol, start: this.frames + start, end: this.frames + end, confidence };
      const last = this.symbols.at(-1);
      if (start === 0 && last?.symbol === symbol && last.end === this.frames) extend(last, next);
      else this.symbols.push(next);
    }
    this.logProbability += logProbability;
    this.frames += scores.logProbabilities.length / scores.symbolCount;
  }

  partial(): TranscriptHypothesis {
    const { symbols, logProbability: acoustic } = this;
    return this.decoder.ofHypothesis({ symbols, acoustic, language: 0, total: acoustic });
  }

  finish(): TranscriptHypothesis[] {
    return [this.partial()];
  }
}

function extend(span: SymbolSpan, { start, end, confidence }: SymbolSpan): void {
  const frames = end - span.start;
  span.confidence += ((confidence - span.confidence) * (end - start)) / frames;
  span.end = end;
}
