import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, InputError, expected } from '../errors.js';
import { dropout, dropoutMask, embeddingLookup } from '../ops/index.js';
import { runSequence, type SequenceCall } from '../ops/sequenceOp.js';
import { runSequencePair } from '../ops/sequencePair.js';
import { Random } from '../random.js';
import { zeroPadding } from './masks.js';
import { assertKnownOptions } from './options.js';
import { choice, flag, positiveInteger, presentOptions, rate, seedOf } from '../options.js';
import type { WeightSpec } from './nestedLayer.js';
import { recurrentOptionNames, type RecurrentOptions } from './recurrentOptions.js';
import { assertRunOptions, SequenceLayer } from './sequenceLayer.js';
import type { RunOptions, RunResult, Trace } from './sequenceLayer.js';
import { resolveConstraint, resolveInitializer, resolveRegularizer, savedOptions } from './weightOptions.js';
import type { Fill } from './weightOptions.js';

/** One run of a cell: its weights and masks as the operation takes them. */
export interface CellRun {
  x: tf.Tensor;
  kernel: tf.Tensor;
  recurrentKernel: tf.Tensor;
  bias: tf.Tensor;
  lengths?: tf.Tensor;
  recurrentMask?: tf.Tensor;
  zoneoutMaskH?: tf.Tensor;
  zoneoutH: number;
  normInput?: tf.Tensor;
  normRecurrent?: tf.Tensor;
  reverse: boolean;
  needInputGradient?: boolean;
}

/** What a kind of cell is: its gates and the activations its operation computes. */
export interface CellKind {
  gates: number;
  options: readonly string[];
  activations: readonly string[];
}

/**
 * A single recurrent cell over a sequence, computed by one operation. The kinds differ in their number of gates, their states
 * and the operation; this class makes the weights, applies the dropouts and honours or refuses the options.
 */
export abstract class RecurrentLayer extends SequenceLayer {
  readonly units: number;
  readonly goBackwards: boolean;
  /** The generator that dropout and zoneout draw from where a run is given none. */
  readonly random: Random;
  protected readonly rates: { dropout: number; recurrent: number; weight: number; zoneoutH: number; zoneoutC: number };
  protected readonly layerNorm: boolean;
  protected readonly useBias: boolean;
  private readonly seed: number;
  private readonly kind: CellKind;
  private readonly given: RecurrentOptions;
  private readonly rules: ReturnType<RecurrentLayer['weightRules']>;

  constructor(options: RecurrentOptions, kind: CellKind, className: string) {
    assertKnownOptions(className, options, [...recurrentOptionNames, ...kind.options]);
    const given = presentOptions(options);
    super(given);
    this.given = given;
    this.kind = kind;
    this.units = positiveInteger(given.units, 'units');
    this.useBias = flag(given.useBias, true, 'useBias');
    if (!this.useBias) refuseBiasOptions(given);
    this.layerNorm = flag(given.layerNorm, false, 'layerNorm');
    this.goBackwards = flag(given.goBackwards, false, 'goBackwards');
    this.rates = {
      dropout: rate(given.dropout, 'dropout'),
      recurrent: rate(given.recurrentDropout, 'recurrentDropout'),
      weight: rate(given.weightDropout, 'weightDropout'),
      ...zoneoutRates(given.zoneout, kind),
    };
    this.seed = seedOf(given.seed);
    this.random = new Random(this.seed);
    const { activation } = given as { activation?: string };
    choice(activation, kind.activations, kind.activations[0], `activation of ${className}`);
    this.rules = this.weightRules(given);
  }

  get outputSize(): number {
    return this.units;
  }

  get stateSizes(): number[] {
    return [this.units];
  }

  /** The shape of the bias. */
  protected get biasShape(): number[] {
    return [this.kind.gates * this.units];
  }

  /** The operation of a run, which puts out the sequence [B, T, P] and then the states. */
  protected abstract sequenceCall(cell: CellRun, options: RunOptions): SequenceCall;

  /** Runs the operation for its inner values. */
  protected abstract traceCell(cell: CellRun, options: RunOptions): Trace;

  /** Weights that only this kind of cell has. */
  protected buildMore(): void {}

  /** How the bias starts; the LSTM sets its forget gate to 1. */
  protected biasFill(fill: Fill): Fill {
    return fill;
  }

  /** The generator that fills one weight, whatever else has been drawn before. */
  protected weightRandom(name: string): Random {
    return new Random(this.seed).fork(name);
  }

  /** How the three weights start and what holds them in bounds; resolved early, so that a wrong option fails at once. */
  private weightRules(given: RecurrentOptions) {
    const rules = {
      kernel: [given.kernelInitializer ?? 'glorotUniform', given.kernelRegularizer, given.kernelConstraint],
      recurrent: [given.recurrentInitializer ?? 'orthogonal', given.recurrentRegularizer, given.recurrentConstraint],
      bias: [given.biasInitializer ?? 'zeros', given.biasRegularizer, given.biasConstraint],
    } as const;
    const resolved = Object.entries(rules).map(([name, [initializer, regularizer, constraint]]) => [
      name,
      {
        fill: resolveInitializer(initializer, this.weightRandom(name), `${name}Initializer`),
        regularizer: resolveRegularizer(regularizer, `${name}Regularizer`),
        constraint: resolveConstraint(constraint, `${name}Constraint`),
      },
    ]);
    return Object.fromEntries(resolved) as Record<keyof typeof rules, Omit<WeightSpec, 'name' | 'shape'>>;
  }

  protected buildFor(inputSize: number): void {
    const wide = this.kind.gates * this.units;
    const { kernel, recurrent, bias } = this.rules;
    this.makeWeight({ name: 'kernel', shape: [inputSize, wide], ...kernel });
    this.makeWeight({ name: 'recurrentKernel', shape: [this.outputSize, wide], ...recurrent });
    if (this.useBias) this.makeWeight({ name: 'bias', shape: this.biasShape, ...bias, fill: this.biasFill(bias.fill) });
    if (this.layerNorm) {
      this.makeWeight({ name: 'normInput', shape: [2, wide], fill: gainAndBias });
      this.makeWeight({ name: 'normRecurrent', shape: [2, wide], fill: gainAndBias });
    }
    this.buildMore();
  }

  run(x: tf.Tensor, options: RunOptions = {}): RunResult {
    return tf.tidy(() => resultOf(runSequence(this.sequenceCall(this.prepare(x, options), options)).outputs));
  }

  /** What `run` of this layer and then of the other gives, computed side by side where the backend can. */
  runBeside(
    other: RecurrentLayer,
    x: tf.Tensor,
    options: RunOptions,
    otherOptions: RunOptions,
  ): [RunResult, RunResult] {
    return tf.tidy(() => {
      const own = this.sequenceCall(this.prepare(x, options), options);
      const [first, second] = runSequencePair(own, other.sequenceCall(other.prepare(x, otherOptions), otherOptions));
      return [resultOf(first), resultOf(second)];
    });
  }

  traceGates(x: tf.Tensor, options: RunOptions = {}): Trace[] {
    return tf.tidy(() => [this.traceCell(this.prepare(x, options), options)]);
  }

  /** Draws this run's masks and brings input and weights into the operation's form. */
  private prepare(x: tf.Tensor, options: RunOptions): CellRun {
    if (!this.built)
      throw new InputError(`Expected ${this.name} to be built before it runs; call build([null, null, D])`);
    assertRunOptions(`a run of ${this.name}`, options);
    if (options.initialState) this.checkStates(options.initialState);
    const { rates } = this;
    const training = options.training === true;
    const random = options.random ?? this.random;
    const [batch, time] = x.shape;
    const input = this.prepareInput(x, options, training, random);
    let recurrentKernel: tf.Tensor = this.weight('recurrentKernel')!;
    if (training && rates.weight > 0) {
      const mask = dropoutMask(recurrentKernel.shape, { rate: rates.weight, seed: random.seedPair() });
      recurrentKernel = tf.mul(recurrentKernel, mask); // [P, 4H]
    }
    let recurrentMask: tf.Tensor | undefined;
    if (training && rates.recurrent > 0) {
      recurrentMask = dropoutMask([batch, this.outputSize], { rate: rates.recurrent, seed: random.seedPair() });
    }
    return {
      ...input,
      recurrentKernel,
      bias: this.weight('bias') ?? tf.zeros(this.biasShape),
      lengths: options.lengths,
      recurrentMask,
      zoneoutMaskH: this.keepMask([batch, time, this.outputSize], rates.zoneoutH, training, random),
      zoneoutH: rates.zoneoutH,
      normInput: this.weight('normInput'),
      normRecurrent: this.weight('normRecurrent'),
      reverse: this.goBackwards,
    };
  }

  /** Zoneout's mask: 1, at the given rate, where a unit keeps its previous value. */
  protected keepMask(shape: number[], keep: number, training: boolean, random: Random): tf.Tensor | undefined {
    if (!training || keep === 0) return undefined;
    return dropoutMask(shape, { rate: 1 - keep, seed: random.seedPair(), scale: false });
  }

  /**
   * Features are dropped out. Ids need no one-hot vectors: where their embeddings are fewer than the steps, the embedding is
   * multiplied by the kernel once and the operation picks rows of the product, which is the same sum.
   */
  private prepareInput(x: tf.Tensor, options: RunOptions, training: boolean, random: Random) {
    const kernel: tf.Tensor = this.weight('kernel')!;
    const dropped = training && this.rates.dropout > 0;
    let features = x;
    if (x.dtype === 'int32') {
      const ids = zeroPadding(x, options.lengths); // [B, T]
      if (!options.table) {
        if (dropped)
          throw new ConfigError(expected('dropout', '0 where ids pick rows of the kernel', this.rates.dropout));
        return { x: ids, kernel };
      }
      if (!dropped && options.table.shape[0] <= ids.size)
        return { x: ids, kernel: tf.matMul(options.table as tf.Tensor2D, kernel) };
      features = embeddingLookup(options.table, ids); // [B, T, D]
    }
    if (dropped) features = dropout(features, { rate: this.rates.dropout, seed: random.seedPair(), locked: true });
    // An embedding is a weight, whatever is said of features.
    return { x: features, kernel, needInputGradient: x.dtype === 'int32' || options.needInputGradient };
  }

  override getConfig(): tf.serialization.ConfigDict {
    const names = [...recurrentOptionNames, ...this.kind.options];
    return { ...savedOptions(this.given, names), ...super.getConfig() };
  }
}

function resultOf([outputs, ...states]: tf.Tensor[]): RunResult {
  return { outputs: outputs as tf.Tensor3D, last: states[0] as tf.Tensor2D, states: states as tf.Tensor2D[] };
}

/** Layer norm starts as the plain normalisation: gain 1 in row 0, bias 0 in row 1. */
export function gainAndBias(shape: number[]): tf.Tensor {
  return tf.tidy(() => tf.concat([tf.ones([1, shape[1]]), tf.zeros([1, shape[1]])], 0));
}

/** Without a bias nothing can be done with it; `zeros` is what Keras spells out for a bias that is not there. */
function refuseBiasOptions(given: RecurrentOptions): void {
  const { biasRegularizer, biasConstraint } = given;
  const biasInitializer = given.biasInitializer === 'zeros' ? undefined : given.biasInitializer;
  for (const [name, value] of Object.entries({ biasInitializer, biasRegularizer, biasConstraint })) {
    if (value !== undefined) throw new ConfigError(expected(name, 'absent where useBias is false', value));
  }
}

function zoneoutRates(zoneout: RecurrentOptions['zoneout'], kind: CellKind): { zoneoutH: number; zoneoutC: number } {
  if (zoneout !== undefined && (typeof zoneout !== 'object' || Array.isArray(zoneout))) {
    throw new ConfigError(expected('zoneout', 'an object of rates, {hidden, cell}', zoneout));
  }
  const known = kind.options.includes('projectionSize') ? ['hidden', 'cell'] : ['hidden'];
  const unknown = Object.keys(zoneout ?? {}).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new ConfigError(expected('the rates of zoneout', known.join(' and '), unknown));
  return {
    zoneoutH: rate(zoneout?.hidden ?? undefined, 'zoneout.hidden'),
    zoneoutC: rate(zoneout?.cell ?? undefined, 'zoneout.cell'),
  };
}
