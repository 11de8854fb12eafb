import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { packMasked } from '../layers/masks.js';
import { firstOf, type CallArguments, type Shape, type WeightSpec } from '../layers/nestedLayer.js';
import { positiveInteger, sizeOrNone } from '../options.js';
import type { Random } from '../random.js';
import { assertShape } from '../shapes.js';

/** What stands at the entrance of a model: tokens with or without an embedding, or features. */
export interface TokenOptions {
  /** The number of tokens V. Without it the input is features [B, T, D], not ids [B, T]. */
  vocabularySize?: number;
  /** The size E of a token's vector; 0 or absent: the first layer's kernel holds a row for every token (one-hot input). */
  embeddingSize?: number;
  /** Treat id 0 as padding, as tf.layers.embedding does. */
  maskZero?: boolean;
}

export const tokenOptionNames = ['vocabularySize', 'embeddingSize', 'maskZero'];

/** The sizes of the entrance, 0 where there is none. */
export function tokenSizes(options: TokenOptions): { vocabularySize: number; embeddingSize: number } {
  const { vocabularySize, embeddingSize } = options;
  if (vocabularySize === undefined) {
    if (embeddingSize !== undefined)
      throw new ConfigError(expected('vocabularySize', 'given beside embeddingSize', undefined));
    if (options.maskZero) throw new ConfigError(expected('maskZero', 'false where the input is features', true));
    return { vocabularySize: 0, embeddingSize: 0 };
  }
  return {
    vocabularySize: positiveInteger(vocabularySize, 'vocabularySize'),
    // 0 is no size but a choice: the tokens go straight into the first layer.
    embeddingSize: sizeOrNone(embeddingSize, 'embeddingSize'),
  };
}

/**
 * The embedding [V, E]: standard normal, as PyTorch's; where it is also the output's kernel, smaller by the square root of E, so
 * that the first logits are of the size of the features.
 */
export function embeddingSpec(
  vocabularySize: number,
  embeddingSize: number,
  tied: boolean,
  random: Random,
): WeightSpec {
  const deviation = tied ? 1 / Math.sqrt(embeddingSize) : 1;
  const fill = ([rows, columns]: number[]): tf.Tensor =>
    tf.tensor2d(
      Float32Array.from({ length: rows * columns }, () => deviation * random.normal()),
      [rows, columns],
    );
  return { name: 'embedding', shape: [vocabularySize, embeddingSize], fill };
}

/** The size of what the first recurrent layer reads. */
export function entranceSize(sizes: { vocabularySize: number; embeddingSize: number }, inputShape: Shape): number {
  if (sizes.vocabularySize > 0) return sizes.embeddingSize || sizes.vocabularySize;
  const size = inputShape[inputShape.length - 1];
  if (inputShape.length !== 3 || size === null) {
    throw new ConfigError(expected('the input shape', '[batch, time, features]', inputShape));
  }
  return size;
}

/** A batch that a model of layers feeds, whose ids come as floats, with the lengths its mask says. */
export function entrance(x: tf.Tensor, options: TokenOptions, keywords: CallArguments) {
  let mask = firstOf(keywords.mask as tf.Tensor | undefined);
  if (options.vocabularySize !== undefined) {
    x = tf.cast(x, 'int32'); // [B, T]
    if (options.maskZero) mask = tf.notEqual(x, 0);
  }
  return packMasked(x, mask);
}

/** Checked ids or features, with the given lengths or, where there are none, those that `maskZero` finds. */
export function checkedSequence(x: tf.Tensor, options: TokenOptions, lengths: tf.Tensor | undefined) {
  const checked = checkedEntrance(x, options, 'x');
  if (lengths || !options.maskZero) return { ...packMasked(checked, null), lengths };
  return packMasked(checked, tf.notEqual(checked, 0));
}

/** Checks ids [B, T] or features [B, T, D], and gives ids the type they need. */
function checkedEntrance(x: tf.Tensor, options: TokenOptions, what: string): tf.Tensor {
  assertShape(x, options.vocabularySize === undefined ? [null, null, null] : [null, null], what);
  return options.vocabularySize === undefined || x.dtype === 'int32' ? x : tf.cast(x, 'int32');
}
