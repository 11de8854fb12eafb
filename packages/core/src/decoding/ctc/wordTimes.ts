import { ConfigError, expected } from '../../errors.js';
import { refuseUnknown } from '../../options.js';
import type { SymbolSpan } from './frameScores.js';

export interface TimedWord {
  word: string;
  /** Seconds. */
  start: number;
  end: number;
  /** The geometric mean of its symbols' confidences: one doubtful symbol shows. */
  confidence: number;
}

export interface WordTimesOptions {
  /** The text of each symbol, by its id. */
  symbols: readonly string[];
  /** The symbol that stands between words; -1 where each symbol is a word. */
  separator: number;
  /** How long a frame of the model is, in seconds: the hop of the features times the frames that were stacked. */
  secondsPerFrame: number;
  /** When frame 0 begins, in seconds; 0 when absent. */
  offset?: number;
}

/** The words of some aligned symbols with their times. A word lasts from its first symbol's start to its last one's end. */
export function wordTimes(spans: readonly SymbolSpan[], options: WordTimesOptions): TimedWord[] {
  refuseUnknown('wordTimes', options, ['symbols', 'separator', 'secondsPerFrame', 'offset']);
  const { symbols, separator, secondsPerFrame, offset = 0 } = options;
  if (!(secondsPerFrame > 0)) throw new ConfigError(expected('secondsPerFrame', 'a positive number', secondsPerFrame));
  const words: SymbolSpan[][] = [];
  let open = false;
  for (const span of spans) {
    if (span.symbol === separator) {
      open = false;
      continue;
    }
    if (!open) words.push([]);
    words[words.length - 1].push(span);
    open = separator !== -1;
  }
  return words.map((word) => ({
    word: word.map((span) => symbols[span.symbol]).join(''),
    start: offset + word[0].start * secondsPerFrame,
    end: offset + word[word.length - 1].end * secondsPerFrame,
    confidence: Math.exp(word.reduce((sum, span) => sum + Math.log(span.confidence), 0) / word.length),
  }));
}
