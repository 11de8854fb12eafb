import { expect, test } from 'vitest';
import { NgramTable, ROOT } from '../../src/ngram/ngramTable.js';

test('finds every n-gram, and no other, in however many maps they are', () => {
  const [few, many] = [new NgramTable(['a', 'b', 'c'], 2), new NgramTable(['a', 'b', 'c'])];
  for (const table of [few, many]) {
    for (const token of [0, 1, 2]) table.add(ROOT, token);
    for (const token of [2, 0, 1]) table.add(table.child(ROOT, token), 1);
  }
  expect(few['children']).toHaveLength(3);
  const children = (table: NgramTable): number[] =>
    Array.from({ length: table.size }, (_, node) => [0, 1, 2].map((token) => table.child(node, token))).flat();
  expect(children(few)).toEqual(children(many));
  expect(children(few).filter((child) => child !== -1)).toEqual([1, 2, 3, 5, 6, 4]);
  expect(few.suffixes).toEqual(many.suffixes);
});
