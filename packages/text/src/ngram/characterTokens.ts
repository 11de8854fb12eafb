import { splitCharacters } from '../segment.js';

/** What stands for a space in a model of characters, whose file separates tokens by spaces. */
export const SPACE_TOKEN = '<space>';

/** What the file of a model cannot hold within a token. */
const SEPARATOR_TOKENS = new Map([
  [' ', SPACE_TOKEN],
  ['\t', '<tab>'],
  ['\n', '<newline>'],
  ['\r', '<return>'],
]);

/**
 * The code points of a text as tokens of a character model. A space is `<space>`, and so are a tab `<tab>`, a line feed
 * `<newline>` and a carriage return `<return>`; other white space is itself.
 */
export function characterTokens(text: string): string[] {
  return splitCharacters(text).map((character) => SEPARATOR_TOKENS.get(character) ?? character);
}
