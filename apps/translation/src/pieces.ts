import { joinSentences, splitSentences } from '@cadenza/text';
import { undetermined } from './dataRequest.js';

/** The most UTF-16 code units that are translated at once; longer lines are cut, at sentences, marks or spaces where they can be. */
export const LONGEST_PIECE = 500;

/** A line as the pieces that are translated one by one. */
export interface LinePieces {
  pieces: string[];
  /** White space around the pieces, one more than they are. */
  separators: string[];
}

export interface PieceOptions {
  /** True: every sentence is a piece; else only lines longer than {@link LONGEST_PIECE} are cut. */
  sentences?: boolean;
  language: string;
}

export function cutLine(line: string, { sentences = false, language }: PieceOptions): LinePieces {
  if (!sentences && line.length <= LONGEST_PIECE) return { pieces: [line], separators: ['', ''] };
  const known = language === undetermined ? 'en' : language;
  const split = splitSentences(line, known, { maximumLength: LONGEST_PIECE });
  return split.sentences.length === 0
    ? { pieces: [''], separators: [line, ''] }
    : { pieces: split.sentences, separators: split.separators };
}

/** The line that translated pieces make. */
export function joinPieces(translated: readonly string[], { separators }: LinePieces): string {
  return joinSentences(translated, separators).replace(/[\r\n\u0085\u2028\u2029]+/g, ' ');
}
