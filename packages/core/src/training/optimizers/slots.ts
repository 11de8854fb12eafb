import * as tf from '@tensorflow/tfjs-core';

/** Tensors that an optimizer keeps for each parameter, one per slot such as `m` or `v`, zero at first. */
export class Slots {
  private readonly tensors = new Map<string, tf.Tensor>();

  /** @param slots the names of the slots, without a slash */
  constructor(private readonly slots: readonly string[]) {}

  /** The slot's tensor of a parameter. */
  get(slot: string, parameter: string, shape: number[]): tf.Tensor {
    const key = `${slot}/${parameter}`;
    const present = this.tensors.get(key);
    if (present) return present;
    const zeros = tf.keep(tf.zeros(shape));
    this.tensors.set(key, zeros);
    return zeros;
  }

  /** Puts a new tensor in place of the old one, which is disposed. */
  set(slot: string, parameter: string, tensor: tf.Tensor): void {
    const key = `${slot}/${parameter}`;
    this.tensors.get(key)?.dispose();
    this.tensors.set(key, tf.keep(tensor));
  }

  /** Moves a slot along and returns it: coefficient * slot + value. */
  accumulate(slot: string, parameter: string, coefficient: number, value: tf.Tensor): tf.Tensor {
    const moved = tf.add(tf.mul(this.get(slot, parameter, value.shape), coefficient), value);
    this.set(slot, parameter, moved);
    return moved;
  }

  all(): ReadonlyMap<string, tf.Tensor> {
    return this.tensors;
  }

  /** Takes copies of the tensors whose names belong to a slot. */
  restore(tensors: ReadonlyMap<string, tf.Tensor>): void {
    this.dispose();
    for (const [key, tensor] of tensors) {
      if (this.slots.includes(key.split('/')[0])) this.tensors.set(key, tf.keep(tf.clone(tensor)));
    }
  }

  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose();
    this.tensors.clear();
  }
}
