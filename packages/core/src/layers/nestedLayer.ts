import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { BaseLayerOptions } from './options.js';
import { presentOptions } from '../options.js';
import type { Fill, ResolvedConstraint, ResolvedInitializer, ResolvedRegularizer } from './weightOptions.js';

export type Shape = (number | null)[];
/** The keyword arguments of a tf.layers.Layer's call: `training`, `mask`, `initialState`. */
export type CallArguments = Record<string, unknown>;

/** One weight to make: its name, its shape, and how it is filled and held in bounds. */
export interface WeightSpec {
  name: string;
  shape: number[];
  fill: Fill;
  regularizer?: ResolvedRegularizer;
  constraint?: ResolvedConstraint;
}

const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('.', '_');

const joined = (prefix: string, name: string): string => (prefix === '' ? name : `${prefix}.${name}`);

/** The arguments that tf.layers.Layer itself understands. */
function baseOptions(options: BaseLayerOptions): BaseLayerOptions {
  const { name, trainable, inputShape, batchInputShape, batchSize, dtype } = presentOptions(options);
  return { name, trainable, inputShape, batchInputShape, batchSize, dtype };
}

/**
 * A tf.layers.Layer that may hold weights of its own and other layers: their weights, regularization losses and disposal are
 * its own. Every weight has a stable name, such as `layers.0.forward.kernel`.
 */
export abstract class NestedLayer extends tfl.layers.Layer {
  /** Stands before the names of weights, so that those of two layers in one never collide in a saved model. */
  private weightPrefix = '';
  private readonly children = new Map<string, NestedLayer>();
  private readonly own = new Map<string, tfl.LayerVariable>();
  /** Weights and layers in the order in which they were built. */
  private readonly parts: ({ name: string; made: tfl.LayerVariable } | { name: string; child: NestedLayer })[] = [];

  constructor(options: BaseLayerOptions) {
    super(baseOptions(options));
  }

  /** Makes a layer part of this one under a name; an empty name leaves the names of its weights as they are. */
  protected adopt<L extends NestedLayer>(name: string, child: L): L {
    this.children.set(name, child);
    if (!this.trainable) child.trainable = false;
    return child;
  }

  /** Makes the weights of an adopted layer. */
  protected buildChild(name: string, inputShape: Shape): void {
    const child = this.children.get(name)!;
    child.weightPrefix = name === '' ? this.weightPrefix : `${this.weightPrefix}${snakeCase(name)}_`;
    child.build(inputShape);
    child.built = true;
    this.parts.push({ name, child });
  }

  /** Makes one weight of this layer's own. */
  protected makeWeight(spec: WeightSpec): void {
    const initializer = { apply: spec.fill } as unknown as ResolvedInitializer;
    const name = `${this.weightPrefix}${snakeCase(spec.name)}`;
    const made = this.addWeight(name, spec.shape, 'float32', initializer, spec.regularizer, true, spec.constraint);
    if (!this.trainable) made.trainable = false;
    if (spec.constraint) constrain(made.read() as tf.Variable, spec.constraint);
    this.own.set(spec.name, made);
    this.parts.push({ name: spec.name, made });
  }

  /** The variable behind a weight of this layer's own; undefined where the options call for none. */
  protected weight(name: string): tf.Variable | undefined {
    return this.own.get(name)?.read() as tf.Variable | undefined;
  }

  /** Every variable of this layer and those in it, frozen ones too, in a fixed order under stable names. */
  parameters(): Map<string, tf.Variable> {
    const named = new Map<string, tf.Variable>();
    for (const part of this.parts) {
      if ('made' in part) named.set(part.name, part.made.read() as tf.Variable);
      else for (const [name, variable] of part.child.parameters()) named.set(joined(part.name, name), variable);
    }
    return named;
  }

  private get nested(): NestedLayer[] {
    return [...this.children.values()];
  }

  override get trainable(): boolean {
    return super.trainable;
  }

  override set trainable(trainable: boolean) {
    super.trainable = trainable;
    for (const child of this.nested) child.trainable = trainable;
  }

  override get trainableWeights(): tfl.LayerVariable[] {
    if (!this.trainable) return [];
    return [...super.trainableWeights, ...this.nested.flatMap((child) => child.trainableWeights)];
  }

  override set trainableWeights(weights: tfl.LayerVariable[]) {
    super.trainableWeights = weights;
  }

  override get nonTrainableWeights(): tfl.LayerVariable[] {
    const below = this.nested.flatMap((child) => (this.trainable ? child.nonTrainableWeights : child.weights));
    return [...super.nonTrainableWeights, ...below];
  }

  override set nonTrainableWeights(weights: tfl.LayerVariable[]) {
    super.nonTrainableWeights = weights;
  }

  override get losses(): tfl.layers.Layer['losses'] {
    return [...super.losses, ...this.nested.flatMap((child) => child.losses)];
  }

  override addLoss(losses: Parameters<tfl.layers.Layer['addLoss']>[0]): void {
    // The parent would push to `losses`, which here is a list made on demand.
    super.losses.push(...[losses].flat());
  }

  override setFastWeightInitDuringBuild(value: boolean): void {
    super.setFastWeightInitDuringBuild(value);
    for (const child of this.nested) child.setFastWeightInitDuringBuild(value);
  }

  /** Frees the weights. Unlike its parent's, it also works on a layer that was never part of a model. */
  override dispose(): ReturnType<tfl.layers.Layer['dispose']> {
    this._refCount ??= 1;
    return super.dispose();
  }
}

/**
 * Projects every value an optimizer assigns. tfjs-layers itself applies a constraint only to what is written by hand, so that `fit`
 * would ignore it.
 */
function constrain(variable: tf.Variable, constraint: ResolvedConstraint): void {
  const assign = variable.assign.bind(variable);
  variable.assign = (value) => tf.tidy(() => assign(constraint.apply(value)));
}

/** The first of what tfjs-layers hands over as one or as a list. */
export function firstOf<T>(value: T | T[]): T {
  return Array.isArray(value) ? value[0] : value;
}

/** The shape of the sequence: the first of the inputs, the others being states. */
export function sequenceShape(shape: Shape | Shape[]): Shape {
  return Array.isArray(shape[0]) ? shape[0] : (shape as Shape);
}

/**
 * Moves a state given by keyword to where tfjs-layers wants it, among the inputs: `apply(x, {initialState: [h, c]})` and
 * `apply([x, h, c])` are one call. Works on symbolic tensors and on values.
 */
export function gatherInputs<T>(
  inputs: T | T[],
  keywords: CallArguments = {},
): { inputs: T | T[]; keywords: CallArguments } {
  const { initialState, ...rest } = keywords;
  if (initialState == null) return { inputs, keywords: rest };
  return { inputs: [inputs, initialState].flat() as T[], keywords: rest };
}

/** A symbolic or a real tensor, or several. */
export type ApplyInputs = tf.Tensor | tf.Tensor[] | tfl.SymbolicTensor | tfl.SymbolicTensor[];
