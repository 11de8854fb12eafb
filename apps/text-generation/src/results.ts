import type { Tokenizer } from '@cadenza/text';
import type { TextLoss } from './evaluate.js';

/** One protocol's result, in the words of the command's JSON. */
export interface ProtocolResult {
  nats_per_char: number;
  bits_per_char: number;
  /** exp of the mean loss of a token: of a character, or of a word at word level. */
  perplexity: number;
}

export interface Evaluation {
  stream: ProtocolResult;
  windowed: ProtocolResult;
  dynamic?: ProtocolResult;
}

/**
 * A loss per character: the nats over all predictions divided by the characters that were predicted, which are the
 * predictions themselves unless tokens are words. The first token is given, not predicted.
 */
export function protocolResult(loss: TextLoss, tokens: Int32Array, tokenizer: Tokenizer): ProtocolResult {
  const characters = predictedCharacters(tokens, tokenizer) * (loss.predictions / (tokens.length - 1));
  const nats = loss.nats / characters;
  return {
    nats_per_char: nats,
    bits_per_char: nats / Math.LN2,
    perplexity: Math.exp(loss.nats / loss.predictions),
  };
}

function predictedCharacters(tokens: Int32Array, tokenizer: Tokenizer): number {
  if (tokenizer.kind === 'character') return tokens.length - 1;
  const lengths = tokenizer.vocabulary.tokens.map((token) => Array.from(token).length);
  let characters = 0;
  for (let index = 1; index < tokens.length; index++) characters += lengths[tokens[index]];
  return characters;
}

export const resultHeader = ['protocol', 'nats/char', 'bits/char', 'perplexity'];

/** The table's rows for people. */
export function resultRows(evaluation: Evaluation): string[][] {
  return Object.entries(evaluation).map(([protocol, result]: [string, ProtocolResult]) => [
    protocol,
    result.nats_per_char.toFixed(4),
    result.bits_per_char.toFixed(4),
    result.perplexity.toFixed(3),
  ]);
}
