import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { dropout, embeddingLookup } from '../ops/index.js';
import { Random } from '../random.js';
import { Bidirectional, type MergeMode } from './bidirectional.js';
import { GRU } from './gru.js';
import { LSTM } from './lstm.js';
import { zeroPadding } from './masks.js';
import { assertKnownOptions } from './options.js';
import { choice, flag, positiveInteger, presentOptions, rate, seedOf } from '../options.js';
import type { RecurrentLayer } from './recurrentLayer.js';
import { recurrentOptionNames, type RecurrentOptions } from './recurrentOptions.js';
import { assertRunOptions, SequenceLayer, sequenceOptionNames } from './sequenceLayer.js';
import type { RunOptions, RunResult, Trace } from './sequenceLayer.js';
import { SimpleRNN } from './simpleRNN.js';
import { savedOptions } from './weightOptions.js';

/** The kinds of cell a stack is made of. */
export type CellName = 'rnn' | 'gru' | 'lstm';

const cells: Record<CellName, new (options: RecurrentOptions) => RecurrentLayer> = {
  rnn: SimpleRNN,
  gru: GRU,
  lstm: LSTM,
};

/** The options of {@link RecurrentStack}: its own, and every option of its cell. */
export interface RecurrentStackOptions extends Omit<RecurrentOptions, 'goBackwards'> {
  /** lstm when absent */
  cell?: CellName;
  /** The number of layers, 1 when absent. */
  layers?: number;
  /** How many of the lowest layers run in both directions; true for all, none when absent. */
  bidirectional?: boolean | number;
  /** How the directions become one. */
  mergeMode?: Exclude<MergeMode, 'none'>;
  /** Dropout between layers (Zaremba, Sutskever and Vinyals 2014); `dropout` is that of the input. */
  betweenDropout?: number;
  /** Use one dropout mask for all steps of input and between-layer dropout (Gal and Ghahramani 2016); true when absent. */
  variational?: boolean;
  /** Add its input to the output of every layer, but the first, whose input and output sizes agree. */
  residual?: boolean;
  /** LSTM only. */
  unitForgetBias?: boolean;
  /** LSTM only. */
  projectionSize?: number;
  /** GRU only. */
  resetAfter?: boolean;
  activation?: 'tanh' | 'relu';
  recurrentActivation?: 'sigmoid';
}

const ownOptionNames = ['cell', 'layers', 'bidirectional', 'mergeMode', 'betweenDropout', 'variational', 'residual'];
const cellOptionNames: Record<CellName, string[]> = {
  rnn: [],
  gru: ['resetAfter', 'recurrentActivation'],
  lstm: ['unitForgetBias', 'projectionSize', 'recurrentActivation'],
};

/** The options of a stack of a kind of cell that concern its layers, not what it returns. */
export function stackOptionNames(cell: CellName): string[] {
  const passedOn = [...recurrentOptionNames, ...cellOptionNames[cell]];
  return [
    ...ownOptionNames,
    ...passedOn.filter((name) => name !== 'goBackwards' && !sequenceOptionNames.includes(name)),
  ];
}

/** What a stack's run gives: also every layer's outputs, for connections that skip layers. */
export type StackResult = RunResult & { layerOutputs: tf.Tensor3D[] };

/**
 * Layers of one kind of cell on top of each other (Graves, Mohamed and Hinton 2013), each reading the outputs of the one below:
 * the lowest ones in both directions if wanted, dropout between them, residual connections around them. States are one flat
 * list from the lowest layer to the highest; a bidirectional layer's are forward, then backward.
 */
export class RecurrentStack extends SequenceLayer {
  /** @nocollapse */
  static className = 'CadenzaRecurrentStack';
  readonly goBackwards = false;
  readonly cell: CellName;
  readonly layers: (RecurrentLayer | Bidirectional)[];
  private readonly rates: { input: number; between: number };
  private readonly variational: boolean;
  private readonly residual: boolean;
  private readonly random: Random;
  private readonly given: RecurrentStackOptions;

  constructor(options: RecurrentStackOptions) {
    const cell = choice(options.cell ?? undefined, ['rnn', 'gru', 'lstm'], 'lstm', 'cell');
    const known = stackOptionNames(cell);
    assertKnownOptions(`RecurrentStack of ${cell} cells`, options, [...known, ...sequenceOptionNames]);
    const given = presentOptions(options);
    super(given);
    this.given = given;
    this.cell = cell;
    this.rates = { input: rate(given.dropout, 'dropout'), between: rate(given.betweenDropout, 'betweenDropout') };
    this.variational = flag(given.variational, true, 'variational');
    this.residual = flag(given.residual, false, 'residual');
    const seed = seedOf(given.seed);
    this.random = new Random(seed);
    const count = positiveInteger(given.layers ?? 1, 'layers');
    const both = bidirectionalCount(given.bidirectional, count);
    const forCell = known.filter((name) => !ownOptionNames.includes(name));
    const cellOptions = Object.fromEntries(Object.entries(given).filter(([key]) => forCell.includes(key)));
    this.layers = Array.from({ length: count }, (_, index) => {
      const layerSeed = new Random(seed).fork(`layers.${index}`).nextUint32();
      const name = `${this.name}_${index}`;
      const layer = new cells[cell]({
        ...(cellOptions as unknown as RecurrentOptions),
        ...{ name, seed: layerSeed, dropout: 0 },
        returnSequences: true,
      });
      const wrapped = index < both ? new Bidirectional({ layer, mergeMode: given.mergeMode, name }) : layer;
      return this.adopt(`layers.${index}`, wrapped as RecurrentLayer | Bidirectional);
    });
    if (given.mergeMode !== undefined && both === 0) {
      throw new ConfigError(expected('mergeMode', 'absent where no layer is bidirectional', given.mergeMode));
    }
    if (this.residual && !this.layers.some((_, index) => this.hasResidual(index))) {
      throw new ConfigError(expected('layers', 'at least 2 of one size for residual connections', count));
    }
  }

  private hasResidual(index: number): boolean {
    return this.residual && index > 0 && this.layers[index].outputSize === this.layers[index - 1].outputSize;
  }

  /** Whether a layer runs in one direction and the one below it in both. */
  private turnsOneWay(index: number): boolean {
    return this.layers[index - 1] instanceof Bidirectional && !(this.layers[index] instanceof Bidirectional);
  }

  get outputSize(): number {
    return this.layers[this.layers.length - 1].outputSize;
  }

  get stateSizes(): number[] {
    return this.layers.flatMap((layer) => layer.stateSizes);
  }

  protected buildFor(inputSize: number): void {
    let size = inputSize;
    this.layers.forEach((layer, index) => {
      this.buildChild(`layers.${index}`, [null, null, size]);
      size = layer.outputSize;
    });
  }

  run(x: tf.Tensor, options: RunOptions = {}): StackResult {
    return tf.tidy(() => {
      const layerOutputs: tf.Tensor3D[] = [];
      const states: tf.Tensor2D[] = [];
      let last: tf.Tensor2D | undefined;
      this.walk(x, options, (layer, input, layerOptions, index) => {
        const result = layer.run(input, layerOptions);
        const residual = this.hasResidual(index);
        const outputs = residual ? (tf.add(result.outputs, layerOutputs[index - 1]) as tf.Tensor3D) : result.outputs;
        // What a bidirectional layer puts out last joins the ends of both its walks: two steps, not one.
        if (residual && this.turnsOneWay(index)) last = atLastStep(layerOutputs[index - 1], options.lengths);
        last = residual ? (tf.add(result.last, last!) as tf.Tensor2D) : result.last; // [B, H]
        layerOutputs.push(outputs); // [B, T, H]
        states.push(...result.states);
        return outputs;
      });
      return { outputs: layerOutputs[layerOutputs.length - 1], last: last!, states, layerOutputs };
    });
  }

  traceGates(x: tf.Tensor, options: RunOptions = {}): Trace[] {
    return tf.tidy(() => {
      const traces: Trace[] = [];
      let below: tf.Tensor | undefined;
      this.walk(x, options, (layer, input, layerOptions, index) => {
        const { random } = layerOptions; // the trace draws the masks that the run draws
        traces.push(...layer.traceGates(input, { ...layerOptions, random: random && Random.from(random.state()) }));
        const { outputs } = layer.run(input, layerOptions);
        below = this.hasResidual(index) ? tf.add(outputs, below!) : outputs;
        return below;
      });
      return traces;
    });
  }

  /** Visits the layers from below, handing each its input (after dropout) and its part of the states. */
  private walk(
    x: tf.Tensor,
    options: RunOptions,
    visit: (layer: RecurrentLayer | Bidirectional, input: tf.Tensor, options: RunOptions, index: number) => tf.Tensor,
  ): void {
    assertRunOptions(`a run of ${this.name}`, options);
    const random = options.random ?? this.random;
    if (options.initialState) this.checkStates(options.initialState);
    const drop = (features: tf.Tensor, dropRate: number): tf.Tensor => {
      if (options.training !== true || dropRate === 0) return features;
      return dropout(features, { rate: dropRate, seed: random.seedPair(), locked: this.variational });
    };
    let input = x;
    let table = options.table;
    if (x.dtype === 'int32' && options.training === true && this.rates.input > 0) {
      if (!table) throw new ConfigError(expected('dropout', '0 where ids pick rows of the kernel', this.rates.input));
      input = embeddingLookup(table, zeroPadding(x, options.lengths)); // [B, T, D]
      table = undefined;
    }
    if (input.dtype !== 'int32') input = drop(input, this.rates.input);
    let used = 0;
    this.layers.forEach((layer, index) => {
      const count = layer.stateSizes.length;
      const initialState = options.initialState?.slice(used, used + count);
      const needInputGradient = index > 0 || x.dtype === 'int32' || options.needInputGradient;
      const below = index === 0 ? input : drop(input, this.rates.between);
      input = visit(
        layer,
        below,
        { ...options, random, initialState, needInputGradient, table: index === 0 ? table : undefined },
        index,
      );
      used += count;
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...savedOptions(this.given, stackOptionNames(this.cell)), ...super.getConfig() };
  }
}

/** Outputs [B, T, H] at each row's last valid step, [B, H]; zeros for a row of length 0. */
function atLastStep(outputs: tf.Tensor3D, lengths: tf.Tensor | undefined): tf.Tensor2D {
  const [batch, time, size] = outputs.shape;
  if (!lengths) return tf.squeeze(tf.slice(outputs, [0, time - 1, 0], [batch, 1, size]), [1]);
  const steps = tf.maximum(tf.sub(lengths, 1), 0); // [B]
  const rows = tf.add(tf.mul(tf.range(0, batch, 1, 'int32'), time), steps); // [B]
  return embeddingLookup(tf.reshape(outputs, [batch * time, size]), tf.cast(rows, 'int32')) as tf.Tensor2D;
}

function bidirectionalCount(value: unknown, layers: number): number {
  if (value === undefined || value === false) return 0;
  if (value === true) return layers;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= layers) return value;
  throw new ConfigError(expected('bidirectional', `true, false or a number of layers from 0 to ${layers}`, value));
}

tf.serialization.registerClass(RecurrentStack);
