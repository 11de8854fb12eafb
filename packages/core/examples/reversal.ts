import * as tf from '@tensorflow/tfjs-core';
import { beamSearch, Random, SequenceSearch, SequenceToSequence } from '@cadenza/core';

// Words of three to six letters, read forward and written backward: the source of each is its own answer.
const letters = 'abcdefgh';
const [BOS, EOS, FIRST] = [1, 2, 3]; // 0 is padding
const random = new Random(1);
const words = Array.from({ length: 400 }, () =>
  Array.from({ length: 3 + random.integer(4) }, () => FIRST + random.integer(letters.length)),
);
const padded = (rows: number[][], filler: number): tf.Tensor => {
  const longest = Math.max(...rows.map((row) => row.length));
  const full = rows.map((row) => [...row, ...Array<number>(longest - row.length).fill(filler)]);
  return tf.tensor2d(full, undefined, 'int32'); // [B, S] or [B, T]
};
const lengths = (rows: number[][]): tf.Tensor => tf.tensor1d(Int32Array.from(rows, ({ length }) => length));
const sources = (rows: number[][]) => ({ source: padded(rows, 0), sourceLengths: tf.cast(lengths(rows), 'int32') });
const pairs = (rows: number[][]) => {
  const targets = rows.map((row) => [...row.slice().reverse(), EOS]);
  const inputs = targets.map((row) => [BOS, ...row.slice(0, -1)]);
  const targetLengths = tf.cast(lengths(targets), 'int32');
  return { ...sources(rows), inputs: padded(inputs, 0), targets: padded(targets, -1), targetLengths };
};

const size = FIRST + letters.length;
const model = new SequenceToSequence(
  {
    ...{ sourceVocabularySize: size, targetVocabularySize: size, embeddingSize: 16 },
    encoder: { units: 24 },
    decoder: { units: 32, score: 'multiplicative' },
  },
  random.fork('model'),
);
const optimizer = tf.train.adam(0.02);
for (let step = 0; step < 120; step++) {
  const batch = pairs(words.slice((step % 12) * 32, (step % 12) * 32 + 32));
  optimizer.minimize(() => model.loss(batch).loss, false, [...model.parameters.values()]);
  tf.dispose(batch);
}

// "facade", "bead" and "hedge" were not among the words.
const unseen = ['facade', 'bead', 'hedge'];
const batch = sources(unseen.map((word) => [...word].map((letter) => FIRST + letters.indexOf(letter))));
const start = model.start(batch);
const found = await beamSearch(new SequenceSearch(model), start, {
  ...{ sentences: unseen.length, startToken: BOS, endToken: EOS, maxLength: 10, beamSize: 4 },
});
model.disposeStart(start);
export const reversed = found.map(([best]) => best.tokens.map((token) => letters[token - FIRST]).join(''));
console.log(reversed.join(' '));
