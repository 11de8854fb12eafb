import { InputError } from '@cadenza/core';

/** Features of a stretch of sound: `[F, D]`, one row a frame. */
export interface FeatureMatrix {
  /** Row after row. */
  values: Float32Array;
  /** F. */
  frames: number;
  /** D. */
  dimension: number;
}

/** Values row after row as features, `[F, D]`; not copied. @throws {InputError} for a fraction of a frame */
export function featureMatrix(values: Float32Array, dimension: number): FeatureMatrix {
  if (values.length % dimension !== 0) {
    throw new InputError(`Expected frames of ${dimension} values, got ${values.length} values in all`);
  }
  return { values, frames: values.length / dimension, dimension };
}

/** Rows of several matrices of one dimension, one after another. */
export function joinFeatures(parts: readonly FeatureMatrix[], dimension: number): FeatureMatrix {
  const values = new Float32Array(parts.reduce((sum, part) => sum + part.values.length, 0));
  let at = 0;
  for (const part of parts) {
    if (part.dimension !== dimension) {
      throw new InputError(`Expected features of dimension ${dimension}, got ${part.dimension}`);
    }
    values.set(part.values, at);
    at += part.values.length;
  }
  return featureMatrix(values, dimension);
}
