import { ConfigError, expected } from '@cadenza/core';
import type { HotWord } from './languageModel.js';
import type { SymbolTable } from './symbols.js';

/** How many nats a phrase gains where nothing else is said. */
const USUAL_BOOST = 5;

/** A phrase with its boost behind a colon, as in `turn left:8`. @throws {ConfigError} for a boost that is not above 0 */
export function parseHotWord(text: string): HotWord {
  const match = /^(.*):\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*$/iu.exec(text);
  const phrase = match === null ? text : match[1];
  const boost = match === null ? USUAL_BOOST : Number(match[2]);
  if (!(boost > 0 && boost < Infinity)) {
    throw new ConfigError(expected('the boost of a hot word', 'a positive number', text));
  }
  if (phrase.trim() === '') throw new ConfigError(expected('a hot word', 'a phrase, or a phrase:boost', text));
  return { phrase, boost };
}

/** Refuses phrases that a model could never write. @throws {ConfigError} with what it does not know */
export function checkHotWords(hotWords: readonly HotWord[], symbols: SymbolTable): void {
  for (const { phrase } of hotWords) {
    const { unknown } = symbols.encode(phrase);
    if (unknown.length === 0) continue;
    const pieces = unknown.map((piece) => JSON.stringify(piece)).join(', ');
    const where = symbols.unit === 'word' ? '' : ` in ${JSON.stringify(phrase)}`;
    throw new ConfigError(`Expected hot words that the model knows, got ${pieces}${where}`);
  }
}
