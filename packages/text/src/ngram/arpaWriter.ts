import { expected, InputError } from '@cadenza/core';
import type { NgramTable } from './ngramTable.js';

/** What stands for a probability of 0, as in other tools. */
const LEAST = -99;

/** The lines of the ARPA format: for each length its n-grams, as log10 p, the tokens, and log10 of the backoff. */
export function* arpaLines(table: NgramTable): Generator<string> {
  const order = table.lengths[table.size - 1];
  const nodes = Array.from({ length: order }, () => [] as number[]);
  for (let node = 1; node < table.size; node++) nodes[table.lengths[node] - 1].push(node);
  for (const token of table.tokens) {
    if (token === '' || /[ \t\r\n]/.test(token)) {
      throw new InputError(expected('tokens of an ARPA file', 'without spaces, tabs and line ends', token));
    }
  }
  yield '\\data\\';
  for (let length = 1; length <= order; length++) yield `ngram ${length}=${nodes[length - 1].length}`;
  for (let length = 1; length <= order; length++) {
    yield '';
    yield `\\${length}-grams:`;
    for (const node of nodes[length - 1]) yield arpaLine(table, node, length === order);
  }
  yield '';
  yield '\\end\\';
}

function arpaLine(table: NgramTable, node: number, longest: boolean): string {
  const tokens = table.path(node).map((token) => table.tokens[token]);
  const fields = [decimal(table.logProbabilities[node]), tokens.join(' ')];
  if (!longest && table.backoffs[node] !== 0) fields.push(decimal(table.backoffs[node]));
  return fields.join('\t');
}

/** Nine digits, which tell any two numbers of float32 apart. */
function decimal(nats: number): string {
  return String(Number(Math.max(LEAST, nats / Math.LN10).toPrecision(9)));
}
