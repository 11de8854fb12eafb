import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Ten pairs of sentences, few enough to be learned by heart. */
export const tenPairs = [
  ['the cat sleeps', 'die Katze schläft'],
  ['a dog barks', 'ein Hund bellt'],
  ['we drink tea', 'wir trinken Tee'],
  ['she reads a book', 'sie liest ein Buch'],
  ['it rains today', 'heute regnet es'],
  ['where is the station ?', 'wo ist der Bahnhof ?'],
  ['I like music', 'ich mag Musik'],
  ['the train is late', 'der Zug hat Verspätung'],
  ['they play in the garden', 'sie spielen im Garten'],
  ['good morning', 'guten Morgen'],
] as const;

export const sources = tenPairs.map(([source]) => source);
export const targets = tenPairs.map(([, target]) => target);

/** The pairs as two files of a folder, and the flags that name them for training and for validation. */
export function writeTenPairs(folder: string): { source: string; target: string; data: string[] } {
  const source = join(folder, 'ten.en');
  const target = join(folder, 'ten.de');
  writeFileSync(source, `${sources.join('\n')}\n`);
  writeFileSync(target, `${targets.join('\n')}\n`);
  const data = ['--source', source, '--target', target, '--validation-source', source, '--validation-target', target];
  return { source, target, data };
}

/** A network and a training that learn them in a few seconds. */
export const quick = [
  ...['--preset', 'tiny', '--merges', '60', '--batch', '10', '--label-smoothing', '0'],
  ...['--set', 'validationSteps=20', '--set', 'logSteps=10', '--learning-rate', '0.02', '--max-steps', '60'],
];
