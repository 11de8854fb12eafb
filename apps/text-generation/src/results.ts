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
 *
 * @param characters how many each token of the text stands for, unknown words too
 */
export function protocolResult(loss: TextLoss, characters: Int32Array): ProtocolResult {
  const predicted = sum(characters.subarray(1)) * (loss.predictions / (characters.length - 1));
  const nats = loss.nats / predicted;
  return {
    nats_per_char: nats,
    bits_per_char: nats / Math.LN2,
    perplexity: Math.exp(loss.nats / loss.predictions),
  };
}

export function sum(counts: Int32Array): number {
  return counts.reduce((total, count) => total + count, 0);
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
