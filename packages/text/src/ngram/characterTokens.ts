import { splitCharacters } from '../segment.js';

/** What stands for a space in a model of characters, whose file separates tokens by spaces. */
export const SPACE_TOKEN = '<space>';

/** The code points of a text as tokens of a character model; a space is `<space>`. */
export function characterTokens(text: string): string[] {
  return splitCharacters(text).map((character) => (character === ' ' ? SPACE_TOKEN : character));
}
