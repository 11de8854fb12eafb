/**
 * brain.js as a peer (runner.mjs says how it is asked): its recurrent LSTM in plain JavaScript, one text at a time.
 *
 *     node tools/bench/brain.mjs generate --hidden 128 --from FOLDER
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { serve } from './runner.mjs';
import { layers, symbols } from './sizes.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hidden: { type: 'string', default: '128' },
    steps: { type: 'string', default: '50' },
    from: { type: 'string', default: '.' },
  },
});
// Any name, since the repository does not depend on it.
const load = /** @type {(name: string) => any} */ (createRequire(join(values.from, 'package.json')));
const { version } = load('brain.js/package.json');
// The package's whole entry would look for a graphics card.
const { default: LSTM } = load('brain.js/dist/recurrent/lstm');
const { default: DataFormatter } = load('brain.js/dist/utilities/data-formatter');

const alphabet = Array.from({ length: symbols }, (_, index) => String.fromCharCode(48 + index));
const net = new LSTM({
  hiddenLayers: Array(layers).fill(Number(values.hidden)),
  dataFormatter: new DataFormatter([alphabet.join('')]),
});
const line = alphabet.slice(0, Number(values.steps)).join('');
// What is not trained does not run.
net.train([positionals[0] === 'train' ? line : 'ab'], { iterations: 1 });
net.maxPredictionLength = 20;

/** @param {number} seconds @param {() => number} work returns how many characters it did */
function rate(seconds, work) {
  const started = performance.now();
  let count = 0;
  do count += work();
  while (performance.now() - started < 1000 * seconds);
  return (1000 * count) / (performance.now() - started);
}

const ways = {
  train: (/** @type {number} */ seconds) => ({
    tokens_per_second: rate(seconds, () => {
      net.train([line], { iterations: 1 });
      return line.length;
    }),
  }),
  // A text ends where its end is drawn, which is a step too.
  generate: (/** @type {number} */ seconds) => ({
    characters_per_second: rate(seconds, () => net.run([], true, 1).length + 1),
  }),
};
await serve({ version, batch: 1 }, ways[/** @type {keyof typeof ways} */ (positionals[0])]);
