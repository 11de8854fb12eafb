import { InputError, refuseUnknown } from '@cadenza/core';
import { assertInteger } from '../checks.js';
import { joinSamples } from '../joinSamples.js';
import { type FeatureMatrix, featureMatrix, joinFeatures } from './featureMatrix.js';

export interface StackingOptions {
  /** How many neighbouring frames are put side by side. */
  size: number;
  /** How far apart the first frames of two stacks are: of `stride` frames one stack is left. */
  stride: number;
}

/**
 * Puts neighbouring frames side by side, so that a network sees fewer and wider ones (Sak, Senior, Rao and Beaufays 2015,
 * section 4): `y_t = [x_{t stride}, .., x_{t stride + size - 1}]` for each `t stride` that is a frame; frames after the last are
 * zeros. The pieces that frames come in do not change the stacks.
 */
export class FrameStacker {
  private readonly options: StackingOptions;
  private readonly dimension: number;
  private waiting: Float32Array = new Float32Array(0);

  /** @param dimension D of one frame */
  constructor(dimension: number, options: StackingOptions) {
    refuseUnknown('FrameStacker', options, ['size', 'stride']);
    assertInteger('dimension', dimension, 1);
    assertInteger('size', options.size, 1);
    assertInteger('stride', options.stride, 1);
    this.dimension = dimension;
    this.options = options;
  }

  /** D of a stack: `size` times that of a frame. */
  get stackedDimension(): number {
    return this.options.size * this.dimension;
  }

  /** The next frames, and the stacks that they complete. */
  push(features: FeatureMatrix): FeatureMatrix {
    if (features.dimension !== this.dimension) {
      throw new InputError(`Expected features of dimension ${this.dimension}, got ${features.dimension}`);
    }
    const values = joinSamples([this.waiting, features.values]);
    const frames = values.length / this.dimension;
    const { size, stride } = this.options;
    // With a stride above the size some frames are in no stack, and must have come before they are left out.
    const complete = Math.max(0, Math.floor((frames - Math.max(size, stride)) / stride) + 1);
    const stacked = this.stack(values, complete);
    this.waiting = values.slice(complete * stride * this.dimension);
    return stacked;
  }

  /** The stacks of the last frames, filled up with zeros. Then the stacker begins anew. */
  end(): FeatureMatrix {
    const stacked = this.stack(this.waiting, Math.ceil(this.waiting.length / this.dimension / this.options.stride));
    this.waiting = new Float32Array(0);
    return stacked;
  }

  private stack(values: Float32Array, count: number): FeatureMatrix {
    const { size, stride } = this.options;
    const { dimension } = this;
    const rows = new Float32Array(count * size * dimension);
    for (let row = 0; row < count; row++) {
      const from = row * stride * dimension;
      rows.set(values.subarray(from, from + size * dimension), row * size * dimension);
    }
    return { ...featureMatrix(rows, size * dimension), frames: count };
  }
}

/** All stacks of a recording: see {@link FrameStacker}. */
export function stackFeatures(features: FeatureMatrix, options: StackingOptions): FeatureMatrix {
  const stacker = new FrameStacker(features.dimension, options);
  return joinFeatures([stacker.push(features), stacker.end()], stacker.stackedDimension);
}
