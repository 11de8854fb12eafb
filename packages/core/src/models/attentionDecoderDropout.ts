import * as tf from '@tensorflow/tfjs-core';
import { dropout, dropoutMask } from '../ops/index.js';
import { Random } from '../random.js';
import type { ResolvedAttentionDecoder } from './attentionDecoderOptions.js';

/** The drop-outs of one call, drawn once so that single steps and whole sequences mask alike. */
export interface Masks {
  input: [number, number];
  /** One for each layer; that of the lowest is not used. */
  between: [number, number][];
  output: [number, number];
  /** What each layer draws its own masks from. */
  layers: Random[];
}

/** Where an AttentionDecoder drops features out, and at which rates. */
export class AttentionDecoderDropout {
  constructor(private readonly options: ResolvedAttentionDecoder) {}

  /** The embedding [V, E], whole tokens of it dropped out. */
  table(table: tf.Tensor, random: Random): tf.Tensor {
    const { embeddingDropout: rate } = this.options;
    if (rate === 0) return table;
    return tf.mul(table, dropoutMask([table.shape[0], 1], { rate, seed: random.seedPair() }));
  }

  /** The masks of one call. */
  draw(random: Random): Masks {
    const layers = Array.from({ length: this.options.layers });
    return {
      input: random.seedPair(),
      between: layers.map(() => random.seedPair()),
      output: random.seedPair(),
      layers: layers.map(() => new Random(random.nextUint32())),
    };
  }

  /** The masks of one step after the other: unless dropout is variational, each step has its own between layers. */
  ofSteps(masks: Masks | undefined): () => Masks | undefined {
    if (!masks || this.options.variational) return () => masks;
    const randoms = masks.between.map(([seed]) => new Random(seed));
    return () => ({ ...masks, between: randoms.map((random) => random.seedPair()) });
  }

  /** Features [B, T, size], dropped out where there is a seed. */
  drop(
    features: tf.Tensor3D,
    which: 'dropout' | 'betweenDropout' | 'outputDropout',
    seed: [number, number] | undefined,
  ): tf.Tensor3D {
    const rate = this.options[which];
    if (!seed || rate === 0) return features;
    return dropout(features, { rate, seed, locked: this.options.variational });
  }
}
