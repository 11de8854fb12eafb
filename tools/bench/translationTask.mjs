/**
 * What translation is measured with, for us and the peers alike: a model, batches of sentence pairs of random tokens, and how to train
 * and search. Written to a folder as `task.json`, beside the weights that all start from (`oursTranslation.mjs export`).
 */
import { linearCongruential } from './draws.mjs';

/** The model of the translation application's Multi30k preset, and its vocabularies' sizes. */
export const model = {
  sourceVocabularySize: 4139,
  targetVocabularySize: 5398,
  embeddingSize: 256,
  tieWeights: true,
  encoder: { units: 384, layers: 1 },
  decoder: { units: 512, layers: 2, score: 'multiplicative', attend: 'every' },
  dropout: { input: 0.3, context: 0.3, between: 0.3, output: 0.4 },
};

/** How it is trained, and how searched: every translation has `steps` tokens, the end among them, whatever the weights. */
const training = { labelSmoothing: 0.1, clipNorm: 1, learningRate: 1e-3 };
const search = { steps: 20, beamSize: 5, lengthPenalty: 1 };
const tokens = { start: 1, end: 2, banned: [0, 1, 3], first: 4 };

/** Sentences a batch; batches of a pool, sorted by length as in a large corpus; batches that are measured, from all of its lengths. */
const sizes = { sentences: 64, pool: 32, measured: 4 };
const lengths = { shortest: 6, longest: 30 };

/**
 * @typedef {{ source: number[][], target: number[][] }} PairRows
 * @typedef {ReturnType<typeof translationTask>} Task
 */

/** The same sentences every time. */
export function translationTask({ seed = 1, config = model } = {}) {
  const random = linearCongruential(seed);
  const pairs = Array.from({ length: sizes.sentences * sizes.pool }, () => drawPair(random, config));
  pairs.sort((a, b) => a.target.length - b.target.length || a.source.length - b.source.length);
  const batches = Array.from({ length: sizes.measured }, (_, index) => {
    const place = Math.floor(((index + 0.5) * sizes.pool) / sizes.measured);
    // The longest first, as the application has them.
    const rows = pairs.slice(place * sizes.sentences, (place + 1) * sizes.sentences).reverse();
    return { source: rows.map(({ source }) => source), target: rows.map(({ target }) => target) };
  });
  return { model: config, training, search, tokens, batches };
}

/** @param {() => number} random @param {typeof model} config */
function drawPair(random, { sourceVocabularySize, targetVocabularySize }) {
  const { shortest, longest } = lengths;
  // The second smallest of five uniform numbers has its mode at a quarter, its mean at a third.
  const second = Array.from({ length: 5 }, random).sort((a, b) => a - b)[1];
  const length = shortest + Math.floor(second * (longest + 1 - shortest));
  const drift = Math.floor(random() * 5) - 2;
  const sentence = (/** @type {number} */ size, /** @type {number} */ vocabulary) => [
    ...Array.from({ length: size - 1 }, () => tokens.first + Math.floor(random() * (vocabulary - tokens.first))),
    tokens.end,
  ];
  return {
    source: sentence(length, sourceVocabularySize),
    target: sentence(Math.min(longest, Math.max(shortest, length + drift)), targetVocabularySize),
  };
}

/** Target tokens of batches, end tokens included. @param {readonly PairRows[]} batches */
export function targetTokens(batches) {
  return batches.reduce((sum, { target }) => sum + countOf(target), 0);
}

/** @param {readonly number[][]} rows */
function countOf(rows) {
  return rows.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Floating-point operations of training on these batches, counted as for the language model: two for each multiplication and
 * addition of the products (encoder, bridge, keys, decoder, attention, readout and output), once forward and twice backward.
 * Padding is not counted.
 *
 * @param {Pick<Task, 'model' | 'batches'>} task
 */
export function translationFlops({ model: { embeddingSize: E, targetVocabularySize: V, encoder, decoder }, batches }) {
  const [C, H, L] = [2 * encoder.units, decoder.units, decoder.layers];
  const perSource = 2 * 4 * encoder.units * (E + encoder.units) + L * C * H;
  const perTarget = 4 * H * (E + H) + (L - 1) * 4 * H * (H + C + H) + (H + C) * E + E * V;
  const perSentence = 2 * C * H;
  const products = batches.map(({ source, target }) => {
    const attended = source.reduce((sum, { length }, row) => sum + length * target[row].length, 0);
    return (
      countOf(source) * perSource + countOf(target) * perTarget + source.length * perSentence + attended * L * (H + C)
    );
  });
  return 3 * 2 * products.reduce((sum, count) => sum + count, 0);
}
