/** Something a reader can say about a place in a text. */
export interface Feature {
  name: string;
  /** Yes or no (1 or 0), or a number. */
  kind: 'binary' | 'number';
  /** [T]: what holds once token t has been read. */
  values: Float32Array;
}

/** A reader's running knowledge of where it is in a text. */
interface Place {
  character: string;
  /** The characters from here to the next line end; known to the reader of the whole text only. */
  toLineEnd: number;
  inQuotes: boolean;
  parentheses: number;
  column: number;
  wordLength: number;
  capitals: number;
  lines: number;
  words: number;
}

const FEATURES: Record<string, { kind: Feature['kind']; of: (place: Place) => number | boolean }> = {
  'inside quotation marks': { kind: 'binary', of: ({ inQuotes }) => inQuotes },
  'inside parentheses': { kind: 'binary', of: ({ parentheses }) => parentheses > 0 },
  'inside a word': { kind: 'binary', of: ({ wordLength }) => wordLength > 0 },
  'letters of the word so far': { kind: 'number', of: ({ wordLength }) => wordLength },
  'a capital letter': { kind: 'binary', of: ({ character }) => /\p{Lu}/u.test(character) },
  'in a run of capitals': { kind: 'binary', of: ({ capitals }) => capitals >= 2 },
  'a vowel': { kind: 'binary', of: ({ character }) => /[aeiouyAEIOUY]/.test(character) },
  'a digit': { kind: 'binary', of: ({ character }) => /\p{Nd}/u.test(character) },
  'a punctuation mark': { kind: 'binary', of: ({ character }) => /\p{P}/u.test(character) },
  'white space': { kind: 'binary', of: ({ character }) => /\s/.test(character) },
  'the beginning of a line': { kind: 'binary', of: ({ column }) => column === 0 },
  'position in the line': { kind: 'number', of: ({ column }) => column },
  'at most five characters before the line end': { kind: 'binary', of: ({ toLineEnd }) => toLineEnd <= 5 },
  'lines since a blank line': { kind: 'number', of: ({ lines }) => lines },
  'the first line after a blank line': { kind: 'binary', of: ({ lines }) => lines === 0 },
  'words since the end of a sentence': { kind: 'number', of: ({ words }) => words },
};

/**
 * The features of a text, for each of its tokens: what holds after its last character. Numbers are taken by the logarithm
 * of one more, since the difference between 1 and 2 says more than that between 41 and 42.
 */
export function textFeatures(tokens: readonly string[]): Feature[] {
  const ends = tokens.map((token) => Math.max(1, Array.from(token).length));
  const characters = tokens.flatMap((token) => (token === '' ? [''] : Array.from(token)));
  const places = readPlaces(characters);
  let end = -1;
  const last = ends.map((length) => places[(end += length)]);
  return Object.entries(FEATURES).map(([name, { kind, of }]) => {
    const values = Float32Array.from(last, (place) =>
      kind === 'binary' ? Number(of(place)) : Math.log1p(Number(of(place))),
    );
    return { name, kind, values };
  });
}

function readPlaces(characters: readonly string[]): Place[] {
  const toLineEnd = lineEndDistances(characters);
  const places: Place[] = [];
  let place: Place = {
    ...{ character: '\n', toLineEnd: 0, inQuotes: false, parentheses: 0, column: 0 },
    ...{ wordLength: 0, capitals: 0, lines: 0, words: 0 },
  };
  characters.forEach((character, index) => {
    place = { ...follow(place, character), toLineEnd: toLineEnd[index] };
    places.push(place);
  });
  return places;
}

function follow(before: Place, character: string): Place {
  const letter = /[\p{L}\p{M}]/u.test(character);
  const blank = character === '\n' && before.character === '\n';
  const lineEnd = character === '\n';
  const wordBegins = letter && before.wordLength === 0;
  return {
    character,
    toLineEnd: 0,
    // A quotation or parenthesis that no one closes ends with its paragraph.
    inQuotes: blank ? false : quotes(before.inQuotes, character),
    parentheses: blank ? 0 : Math.max(0, before.parentheses + (character === '(' ? 1 : character === ')' ? -1 : 0)),
    column: lineEnd ? 0 : before.column + 1,
    wordLength: letter ? before.wordLength + 1 : 0,
    capitals: /\p{Lu}/u.test(character) ? before.capitals + 1 : 0,
    lines: blank ? 0 : before.lines + (lineEnd ? 1 : 0),
    words: /[.!?]/.test(character) ? 0 : before.words + (wordBegins ? 1 : 0),
  };
}

function quotes(inside: boolean, character: string): boolean {
  if (character === '"') return !inside;
  if (character === '“' || character === '«') return true;
  if (character === '”' || character === '»') return false;
  return inside;
}

function lineEndDistances(characters: readonly string[]): number[] {
  const distances = new Array<number>(characters.length);
  let next = Infinity;
  for (let index = characters.length - 1; index >= 0; index--) {
    distances[index] = next - index;
    if (characters[index] === '\n') next = index;
  }
  return distances;
}
