import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bleu, chrf, ter } from '../../src/index.js';
import { DIGITS, golden } from './goldens.js';

const rows = readFileSync(new URL('../golden/translations.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t'));
const [references, a, b] = [0, 1, 2].map((column) => rows.map((row) => row[column]));

test.each(
  golden.real.map((row) => [`${row.metric} ${JSON.stringify(row.options)} of system ${row.system}`, row] as const),
)('%s is sacreBLEU’s, of what real systems wrote', (_, { metric, system, options, score }) => {
  const measure = { bleu, chrf, ter }[metric];
  expect(measure({ a, b }[system], references, options).score).toBeCloseTo(score, DIGITS);
});
