import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { ConfigError, expected } from '../errors.js';
import { initialize, initializerNames, type InitializerName } from '../initializers.js';
import type { Random } from '../random.js';
import { nearestName } from '../options.js';

/** What a saved model says of an object: its class and how to make it again. */
export type ClassConfig = { className: string; config: tf.serialization.ConfigDict };

/** An object of tf.initializers, tf.regularizers or tf.constraints. */
export interface Serializable {
  getClassName(): string;
  getConfig(): tf.serialization.ConfigDict;
}

export type ResolvedInitializer = ReturnType<typeof tfl.initializers.zeros>;
export type ResolvedConstraint = ReturnType<typeof tfl.constraints.nonNeg>;
export type ResolvedRegularizer = ReturnType<typeof tfl.regularizers.l2>;

/** The name of one of Cadenza's initializers (seeded by the layer), an object of tf.initializers, or its saved form. */
export type InitializerOption = InitializerName | Serializable | ClassConfig;
/** l1, l2 or l1l2 (with the strength 0.01), an object of tf.regularizers, or its saved form. */
export type RegularizerOption = 'l1' | 'l2' | 'l1l2' | Serializable | ClassConfig;
/** maxNorm, minMaxNorm, nonNeg or unitNorm (with Keras's defaults), an object of tf.constraints, or its saved form. */
export type ConstraintOption = 'maxNorm' | 'minMaxNorm' | 'nonNeg' | 'unitNorm' | Serializable | ClassConfig;

/** Fills a weight of the given shape; what tfjs-layers calls an initializer. */
export type Fill = (shape: number[]) => tf.Tensor;

function isSerializable(value: unknown): value is Serializable {
  return typeof (value as Serializable | undefined)?.getClassName === 'function';
}

/** Makes an object of a class registered with tf.serialization. */
function instantiate(saved: ClassConfig, what: string): Serializable {
  const known = tf.serialization.SerializationMap.getMap().classNameMap[saved.className];
  if (known === undefined) throw new ConfigError(expected(what, 'a registered class', saved.className));
  const [constructor, fromConfig] = known;
  return fromConfig(constructor, { ...saved.config }) as unknown as Serializable;
}

function resolve(value: unknown, named: Record<string, () => Serializable>, what: string): Serializable {
  if (isSerializable(value)) return value;
  if (typeof value === 'string') {
    if (Object.hasOwn(named, value)) return named[value]();
    const nearest = nearestName(value, Object.keys(named));
    throw new ConfigError(`${expected(what, Object.keys(named).join(', '), value)}; did you mean ${nearest}?`);
  }
  if (typeof value === 'object' && value !== null && 'className' in value)
    return instantiate(value as ClassConfig, what);
  throw new ConfigError(expected(what, 'a name, an object of TensorFlow.js or its saved form', value));
}

/** How a weight is first filled. A name draws from the layer's own seeded numbers. */
export function resolveInitializer(option: InitializerOption, random: Random, what: string): Fill {
  if (typeof option === 'string') {
    if (initializerNames.includes(option)) return (shape) => initialize(option, shape, random);
    const nearest = nearestName(option, initializerNames);
    throw new ConfigError(`${expected(what, initializerNames.join(', '), option)}; did you mean ${nearest}?`);
  }
  const made = resolve(option, {}, what) as unknown as ResolvedInitializer;
  return (shape) => made.apply(shape);
}

export function resolveRegularizer(
  option: RegularizerOption | undefined,
  what: string,
): ResolvedRegularizer | undefined {
  if (option === undefined) return undefined;
  const { l1, l2, l1l2 } = tfl.regularizers;
  const named = { l1: () => l1(), l2: () => l2(), l1l2: () => l1l2() };
  return resolve(option, named, what) as unknown as ResolvedRegularizer;
}

export function resolveConstraint(option: ConstraintOption | undefined, what: string): ResolvedConstraint | undefined {
  if (option === undefined) return undefined;
  const { maxNorm, minMaxNorm, nonNeg, unitNorm } = tfl.constraints;
  const named = {
    maxNorm: () => maxNorm({}),
    minMaxNorm: () => minMaxNorm({}),
    nonNeg: () => nonNeg(),
    unitNorm: () => unitNorm({}),
  };
  return resolve(option, named, what) as unknown as ResolvedConstraint;
}

/** An option as a saved model keeps it: names stay names, objects become their class and configuration. */
export function savedOption(value: unknown): tf.serialization.ConfigDictValue {
  if (isSerializable(value)) return { className: value.getClassName(), config: value.getConfig() };
  return value as tf.serialization.ConfigDictValue;
}

/** Those of the given options that have one of the names, as a saved model keeps them. */
export function savedOptions(given: object, names: readonly string[]): tf.serialization.ConfigDict {
  const own = Object.entries(given).filter(([key]) => names.includes(key));
  return Object.fromEntries(own.map(([key, value]) => [key, savedOption(value)]));
}
