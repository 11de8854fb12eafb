import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, InputError, expected } from '../errors.js';
import { dropout, dropoutMask, embeddingLookup } from '../ops/index.js';
import { Random } from '../random.js';
import { assertKnownOptions, choice, flag, positiveInteger, presentOptions, rate, seedOf } from './options.js';
import { SequenceLayer, sequenceOptionNames } from './sequenceLayer.js';
import type { RunOptions, RunResult, SequenceOptions, Trace } from './sequenceLayer.js';
import { resolveConstraint, resolveInitializer, resolveRegularizer, savedOption } from './weightOptions.js';
import type { ConstraintOption, Fill, InitializerOption, RegularizerOption } from './weightOptions.js';

/** What SimpleRNN, LSTM and GRU have in common: Keras 3's options by Keras's names, and a few more. */
export interface RecurrentOptions extends SequenceOptions {
  /** The hidden size H. */
  units: number;
  /** Add a bias to the gates (default true). */
  useBias?: boolean;
  /** Of the input's weights; glorotUniform when absent. */
  kernelInitializer?: InitializerOption;
  /** Of the recurrent weights; orthogonal when absent. */
  recurrentInitializer?: InitializerOption;
  /** zeros when absent */
  biasInitializer?: InitializerOption;
  kernelRegularizer?: RegularizerOption;
  recurrentRegularizer?: RegularizerOption;
  biasRegularizer?: RegularizerOption;
  kernelConstraint?: ConstraintOption;
  recurrentConstraint?: ConstraintOption;
  biasConstraint?: ConstraintOption;
  /** Dropout of the input, one mask for all steps (Gal and Ghahramani 2016). */
  dropout?: number;
  /** Dropout of h_{t-1}, one mask for all steps (Gal and Ghahramani 2016). */
  recurrentDropout?: number;
  /** DropConnect: dropout of the recurrent weights themselves (Merity, Keskar and Socher 2017). */
  weightDropout?: number;
  /** Rates at which units keep their previous value (Krueger et al. 2016); `cell` is for the LSTM's cell state. */
  zoneout?: { hidden?: number; cell?: number };
  /** Normalise the products and, in an LSTM, the cell inside the output's tanh (Ba, Kiros and Hinton 2016). */
  layerNorm?: boolean;
  /** Walk from the last step to the first; a call then returns the outputs in that order, as Keras does. */
  goBackwards?: boolean;
  /** Makes the initial weights and every dropout reproducible. */
  seed?: number;
}

export const recurrentOptionNames = [
  ...sequenceOptionNames,
  ...['units', 'activation', 'useBias', 'goBackwards', 'seed', 'dropout', 'recurrentDropout', 'weightDropout'],
  ...['zoneout', 'layerNorm', 'kernelInitializer', 'recurrentInitializer', 'biasInitializer', 'kernelRegularizer'],
  ...['recurrentRegularizer', 'biasRegularizer', 'kernelConstraint', 'recurrentConstraint', 'biasConstraint'],
];

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

  constructor(options: RecurrentOptions, kind: CellKind, className: string) {
    assertKnownOptions(className, options, [...recurrentOptionNames, ...kind.options]);
    const given = presentOptions(options);
    super(given);
    this.given = given;
    this.kind = kind;
    this.units = positiveInteger(given.units, 'units');
    this.useBias = flag(given.useBias, true, 'useBias');
    this.layerNorm = flag(given.layerNorm, false, 'layerNorm');
    this.goBackwards = flag(given.goBackwards, false, 'goBackwards');
    this.rates = {
      dropout: rate(given.dropout, 'dropout'),
      recurrent: rate(given.recurrentDropout, 'recurrentDropout'),
      weight: rate(given.weightDropout, 'weightDropout'),
      ...this.zoneoutRates(given.zoneout, kind),
    };
    this.seed = seedOf(given.seed);
    this.random = new Random(this.seed);
    const { activation } = given as { activation?: string };
    choice(activation, kind.activations, kind.activations[0], `activation of ${className}`);
  }

  private zoneoutRates(zoneout: RecurrentOptions['zoneout'], kind: CellKind): { zoneoutH: number; zoneoutC: number } {
    const cellAllowed = kind.options.includes('projectionSize');
    if (zoneout !== undefined && (typeof zoneout !== 'object' || Array.isArray(zoneout))) {
      throw new ConfigError(expected('zoneout', 'an object {hidden, cell} of rates', zoneout));
    }
    assertZoneout(zoneout ?? {}, cellAllowed);
    return {
      zoneoutH: rate(zoneout?.hidden ?? undefined, 'zoneout.hidden'),
      zoneoutC: rate(zoneout?.cell ?? undefined, 'zoneout.cell'),
    };
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

  /** Runs the operation. */
  protected abstract runCell(cell: CellRun, options: RunOptions): { outputs: tf.Tensor3D; states: tf.Tensor2D[] };

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

  protected buildFor(inputSize: number): void {
    const wide = this.kind.gates * this.units;
    const { given } = this;
    const fillOf = (option: InitializerOption, name: string): Fill =>
      resolveInitializer(option, this.weightRandom(name), `${name}Initializer`);
    this.makeWeight({
      name: 'kernel',
      shape: [inputSize, wide],
      fill: fillOf(given.kernelInitializer ?? 'glorotUniform', 'kernel'),
      regularizer: resolveRegularizer(given.kernelRegularizer, 'kernelRegularizer'),
      constraint: resolveConstraint(given.kernelConstraint, 'kernelConstraint'),
    });
    this.makeWeight({
      name: 'recurrentKernel',
      shape: [this.outputSize, wide],
      fill: fillOf(given.recurrentInitializer ?? 'orthogonal', 'recurrent'),
      regularizer: resolveRegularizer(given.recurrentRegularizer, 'recurrentRegularizer'),
      constraint: resolveConstraint(given.recurrentConstraint, 'recurrentConstraint'),
    });
    if (this.useBias) {
      this.makeWeight({
        name: 'bias',
        shape: this.biasShape,
        fill: this.biasFill(fillOf(given.biasInitializer ?? 'zeros', 'bias')),
        regularizer: resolveRegularizer(given.biasRegularizer, 'biasRegularizer'),
        constraint: resolveConstraint(given.biasConstraint, 'biasConstraint'),
      });
    }
    if (this.layerNorm) {
      this.makeWeight({ name: 'normInput', shape: [2, wide], fill: gainAndBias });
      this.makeWeight({ name: 'normRecurrent', shape: [2, wide], fill: gainAndBias });
    }
    this.buildMore();
  }

  run(x: tf.Tensor, options: RunOptions = {}): RunResult {
    return tf.tidy(() => {
      const { outputs, states } = this.runCell(this.prepare(x, options), options);
      return { outputs, last: states[0], states };
    });
  }

  traceGates(x: tf.Tensor, options: RunOptions = {}): Trace[] {
    return tf.tidy(() => [this.traceCell(this.prepare(x, options), options)]);
  }

  /** Draws this run's masks and brings input and weights into the operation's form. */
  private prepare(x: tf.Tensor, options: RunOptions): CellRun {
    if (!this.built)
      throw new InputError(`Expected ${this.name} to be built before it runs; call build([null, null, D])`);
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
      needInputGradient: options.needInputGradient,
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
      if (!options.table) {
        if (dropped)
          throw new ConfigError(expected('dropout', '0 where ids pick rows of the kernel', this.rates.dropout));
        return { x, kernel };
      }
      if (!dropped && options.table.shape[0] <= x.size)
        return { x, kernel: tf.matMul(options.table as tf.Tensor2D, kernel) };
      features = embeddingLookup(options.table, x); // [B, T, D]
    }
    if (dropped) features = dropout(features, { rate: this.rates.dropout, seed: random.seedPair(), locked: true });
    return { x: features, kernel };
  }

  override getConfig(): tf.serialization.ConfigDict {
    const own = Object.entries(this.given).filter(
      ([key]) => recurrentOptionNames.includes(key) || this.kind.options.includes(key),
    );
    return { ...Object.fromEntries(own.map(([key, value]) => [key, savedOption(value)])), ...super.getConfig() };
  }
}

/** Layer norm starts as the plain normalisation: gain 1 in row 0, bias 0 in row 1. */
export function gainAndBias(shape: number[]): tf.Tensor {
  return tf.tidy(() => tf.concat([tf.ones([1, shape[1]]), tf.zeros([1, shape[1]])], 0));
}

function assertZoneout(zoneout: object, cellAllowed: boolean): void {
  const known = cellAllowed ? ['hidden', 'cell'] : ['hidden'];
  const unknown = Object.keys(zoneout).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new ConfigError(expected('the rates of zoneout', known.join(' and '), unknown));
}
