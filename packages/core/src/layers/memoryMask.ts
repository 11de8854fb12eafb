import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { firstOf, sequenceShape, type CallArguments, type Shape } from './nestedLayer.js';

/**
 * Hands its input on with a mask in any case: its own, or one that hides nothing.
 *
 * A model of tfjs-layers calls a layer with the mask of its first input only, and where that has none, with the mask of whatever layer
 * ran before. `computeMask` alone is told the truth, and what it returns is the first mask of the next layer.
 */
class AlwaysMasked extends tfl.layers.Layer {
  /** @nocollapse */
  static className = 'CadenzaAlwaysMasked';

  constructor(options: ConstructorParameters<typeof tfl.layers.Layer>[0] = {}) {
    super(options);
    this.supportsMasking = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], keywords: CallArguments): tf.Tensor {
    this.invokeCallHook(inputs, keywords);
    return tf.clone(firstOf(inputs));
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return sequenceShape(inputShape);
  }

  override computeMask(inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const own = mask == null ? null : firstOf(mask);
    return own ?? nothingHidden(firstOf(inputs));
  }
}

/** The mask of its input [B, S, ...] as a tensor [B, S] of 0 and 1. */
class MaskOf extends tfl.layers.Layer {
  /** @nocollapse */
  static className = 'CadenzaMaskOf';

  override call(inputs: tf.Tensor | tf.Tensor[], keywords: CallArguments): tf.Tensor {
    this.invokeCallHook(inputs, keywords);
    return tf.cast(keywords.mask as tf.Tensor, 'float32'); // AlwaysMasked stands before it
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return sequenceShape(inputShape).slice(0, 2);
  }
}

/** In a model of layers, the mask of a memory [B, S, C] as an input [B, S] of its own, since its mask does not come with it. */
export function maskInput(memory: tfl.SymbolicTensor): tfl.SymbolicTensor {
  const masked = new AlwaysMasked().apply(memory) as tfl.SymbolicTensor;
  return new MaskOf().apply(masked) as tfl.SymbolicTensor;
}

function nothingHidden({ shape }: tf.Tensor): tf.Tensor {
  return tf.ones(shape.slice(0, 2), 'bool');
}

tf.serialization.registerClass(AlwaysMasked);
tf.serialization.registerClass(MaskOf);
