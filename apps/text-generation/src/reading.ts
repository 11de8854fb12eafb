import type { EncodeOptions, Tokenizer } from '@cadenza/text';
import type { Pause } from './turns.js';

/** Multiplications of a piece by about so many weights, some milliseconds of work. */
const PIECE_WEIGHTS = 8e6;
const SHORTEST_PIECE = 4;
const LONGEST_PIECE = 64;
/** Characters that are encoded at once, at least. */
const PIECE_CHARACTERS = 2048;

/** Where a text can be cut so that the tokens of the pieces are those of the whole: after these, by what a token is. */
const cuts: Record<Tokenizer['kind'], RegExp> = {
  character: /\n|[A-Za-z0-9](?=[ -~])/g,
  grapheme: /\n|[A-Za-z0-9](?=[ -~])/g,
  word: /\n|[!-~](?= )/g,
};

/**
 * The places from `start` to `end` in short pieces, each a few milliseconds of a model's work. They give the bits that chunks give
 * when each is read at once: a single step may be rounded in another way, so none is of one token unless its chunk is.
 *
 * @param weights of the model, times the rows that are read together
 */
export function* tokenPieces(
  start: number,
  end: number,
  { weights, chunkLength = 256 }: { weights: number; chunkLength?: number },
): Generator<[start: number, end: number]> {
  const size = Math.max(SHORTEST_PIECE, Math.min(LONGEST_PIECE, Math.floor(PIECE_WEIGHTS / weights)));
  for (let chunk = start; chunk < end; chunk += chunkLength) {
    const chunkEnd = Math.min(chunk + chunkLength, end);
    for (let first = chunk; first < chunkEnd;) {
      const last = chunkEnd - first <= size + 1 ? chunkEnd : first + size;
      yield [first, last];
      first = last;
    }
  }
}

/** What the tokenizer's `encode` gives, with turns of the event loop in between. */
export async function encodeInTurns(
  tokenizer: Tokenizer,
  text: string,
  options: EncodeOptions,
  pause: Pause,
): Promise<Int32Array> {
  const parts: Int32Array[] = [];
  for (const piece of textPieces(text, cuts[tokenizer.kind])) {
    parts.push(tokenizer.encode(piece, options));
    await pause();
  }
  const ids = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let place = 0;
  for (const part of parts) {
    ids.set(part, place);
    place += part.length;
  }
  return ids;
}

/** A text in pieces, each cut at the first such place after enough characters; one piece at least. */
function* textPieces(text: string, cut: RegExp): Generator<string> {
  let start = 0;
  do {
    cut.lastIndex = start + PIECE_CHARACTERS;
    const end = cut.test(text) ? cut.lastIndex : text.length;
    yield text.slice(start, end);
    start = end;
  } while (start < text.length);
}
