import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import type { StepModel, WeightFormat } from '../decoding/stepEngine.js';
import { weightFormats } from '../decoding/stepMatrix.js';
import { assertKnownOptions } from '../layers/options.js';
import {
  choice,
  dropoutRates,
  flag,
  positiveInteger,
  presentOptions,
  rate,
  refuseUnknown,
  sizeOrNone,
} from '../options.js';
import type { CellName } from '../layers/recurrentStack.js';
import type { Trace } from '../layers/sequenceLayer.js';
import { maskedMean, softmaxCrossEntropy } from '../ops/index.js';
import type { Random } from '../random.js';
import { assertShape } from '../shapes.js';
import { RecurrentDecoder } from './decoder.js';
import { describeSteps } from './stepModel.js';

const dropoutNames = ['input', 'between', 'output', 'recurrent', 'embedding', 'weight'] as const;

/** Where a language model drops out, each a rate of [0, 1). */
export type LanguageModelDropout = Record<(typeof dropoutNames)[number], number>;

/** The options of {@link RecurrentLanguageModel}, all resolved. */
export interface LanguageModelConfig {
  cell: CellName;
  /** The number of tokens V. */
  vocabularySize: number;
  /** The size of a token's vector; 0: one-hot, straight into the first layer. */
  embeddingSize: number;
  /** The units of each layer. */
  hiddenSize: number;
  /** The number of layers. */
  layers: number;
  /** Let the embedding also be the output's kernel (Press and Wolf 2017), behind a projection where the sizes differ. */
  tieWeights: boolean;
  /**
   * `input` of the embedded tokens, `between` layers, `output` before the logits (Zaremba, Sutskever and Vinyals 2014);
   * `recurrent` of h_{t-1} and `embedding` of whole tokens (Gal and Ghahramani 2016); `weight` of the recurrent kernel
   * (DropConnect: Merity, Keskar and Socher 2017).
   */
  dropout: LanguageModelDropout;
  /** One mask for all steps in the input, between and output dropout (Gal and Ghahramani 2016). */
  variational: boolean;
  /** Ba, Kiros and Hinton 2016. */
  layerNorm: boolean;
  /** Krueger et al. 2016; `cell` is for the LSTM. */
  zoneout: { hidden: number; cell: number };
  /** The LSTM's projection (Sak, Senior and Beaufays 2014); 0: none. */
  projectionSize: number;
  /** Connections around every layer but the first. */
  residual: boolean;
  /** Let the output see all layers (Graves 2013). */
  skipToOutput: boolean;
}

/** What is asked of a new {@link RecurrentLanguageModel}; the rest has defaults. */
export type LanguageModelOptions = Pick<LanguageModelConfig, 'vocabularySize' | 'hiddenSize'> &
  Partial<Omit<LanguageModelConfig, 'dropout' | 'zoneout'>> & {
    dropout?: Partial<LanguageModelDropout>;
    zoneout?: Partial<LanguageModelConfig['zoneout']>;
  };

const optionNames = [
  ...['cell', 'vocabularySize', 'embeddingSize', 'hiddenSize', 'layers', 'tieWeights', 'dropout', 'variational'],
  ...['layerNorm', 'zoneout', 'projectionSize', 'residual', 'skipToOutput'],
];

/** The recurrent states of all layers, from the lowest to the highest: [h, c] each for LSTM, [h] otherwise. */
export type State = tf.Tensor[];

/** Whether dropout acts, and where it draws from (the model's own generator when absent). */
export type ForwardOptions = { training?: boolean; random?: Random };
const forwardOptionNames = ['training', 'random'];

/**
 * Predicts the next token of a text: embedding, a stack of recurrent layers, softmax. p(x_1 ... x_T) is the product of
 * p(x_t | x_1 ... x_{t-1}), and the loss its negative logarithm in nats per token (Mikolov et al. 2010; Graves 2013).
 * Its variables are in `parameters`, under stable names in a fixed order: `embedding`, `layers.0.kernel`, ..., `output.bias`.
 */
export class RecurrentLanguageModel {
  readonly config: LanguageModelConfig;
  readonly parameters: Map<string, tf.Variable>;
  private readonly decoder: RecurrentDecoder;
  private readonly random: Random;

  /** @param random fills the weights and, where a call is given no generator, draws the dropouts */
  constructor(options: LanguageModelOptions, random: Random) {
    this.config = resolve(options);
    this.random = random.fork('dropout');
    this.decoder = new RecurrentDecoder(decoderOptions(this.config, random.fork('weights').nextUint32()));
    this.decoder.build([null, null]);
    this.parameters = this.decoder.parameters();
  }

  /** A model of the same shape from what `toJSON` gave; its weights are fresh. */
  static fromJSON(json: LanguageModelConfig, random: Random): RecurrentLanguageModel {
    return new RecurrentLanguageModel(json, random);
  }

  /** The whole configuration, defaults resolved. */
  toJSON(): LanguageModelConfig {
    return structuredClone(this.config);
  }

  /** The number of trainable numbers. */
  get parameterCount(): number {
    return [...this.parameters.values()].reduce((sum, variable) => sum + variable.size, 0);
  }

  /** The sizes of the states, in their order. */
  get stateSizes(): number[] {
    return this.decoder.stateSizes;
  }

  /** The state before any text: zeros, for so many texts. */
  initialState(batch: number): State {
    return this.stateSizes.map((size) => tf.zeros([positiveInteger(batch, 'batch'), size]));
  }

  /** Reads ids [B, T] from a state. The caller owns the logits [B * T, V] and the new state. */
  forward(ids: tf.Tensor, state: State, options: ForwardOptions = {}): { logits: tf.Tensor2D; state: State } {
    refuseUnknown('forward', options, forwardOptionNames);
    return tf.tidy(() => {
      const random = options.random ?? this.random;
      const { logits, state: next } = this.decoder.decode(ids, { states: state }, { ...options, random });
      return { logits: tf.reshape(logits!, [ids.size, this.config.vocabularySize]), state: next.states };
    });
  }

  /**
   * Reads ids [B, T] and compares what it predicts with the targets [B, T] (-1 counts for nothing): the mean of the losses in
   * nats, and each of them, [B * T].
   */
  loss(ids: tf.Tensor, targets: tf.Tensor, state: State, options: ForwardOptions = {}) {
    refuseUnknown('loss', options, forwardOptionNames);
    return tf.tidy(() => {
      const { logits, state: next } = this.forward(ids, state, options);
      assertShape(targets, ids.shape, 'targets');
      const labels = tf.reshape(targets, [targets.size]); // [B * T]
      const losses = softmaxCrossEntropy(logits, labels);
      return { loss: maskedMean(losses, labels), losses, state: next };
    });
  }

  /** Reads one token of each text, ids [B]: the logits [B, V] of the next one. Same weights as `forward`. */
  step(ids: tf.Tensor, state: State): { logits: tf.Tensor2D; state: State } {
    return tf.tidy(() => {
      const { logits, state: next } = this.decoder.step(ids, { states: state });
      return { logits: logits!, state: next.states };
    });
  }

  /**
   * The weights as they are now, copied and brought into a format for single steps; null for models with layer normalisation or
   * an LSTM projection, which no step engine runs. bf16 rounds every matrix to the nearest, ties to even. int8 is symmetric with
   * one float32 scale for each output unit, a row of the transposed matrix; the embedding, of which a step reads one row, stays
   * float32, and so do all biases. A tied output is the embedding transposed, with its projection multiplied in.
   */
  stepModel(format: WeightFormat): StepModel | null {
    return describeSteps(this.config, this.parameters, choice(format, weightFormats, 'f32', 'format'));
  }

  /** The gates, cells and hidden states of every layer at every step of ids [B, T], each [B, T, H]. */
  trace(ids: tf.Tensor, state: State): Trace[] {
    return this.decoder.traceGates(ids, { states: state });
  }

  /** Frees the weights. */
  dispose(): void {
    this.decoder.dispose();
  }
}

function resolve(options: LanguageModelOptions): LanguageModelConfig {
  assertKnownOptions('RecurrentLanguageModel', options, optionNames, []);
  const given = presentOptions(options);
  assertKnownOptions('zoneout', given.zoneout ?? {}, ['hidden', 'cell'], []);
  const config = {
    cell: choice(given.cell, ['rnn', 'gru', 'lstm'], 'lstm', 'cell'),
    vocabularySize: positiveInteger(given.vocabularySize, 'vocabularySize'),
    embeddingSize: sizeOrNone(given.embeddingSize, 'embeddingSize'),
    hiddenSize: positiveInteger(given.hiddenSize, 'hiddenSize'),
    layers: positiveInteger(given.layers ?? 1, 'layers'),
    tieWeights: flag(given.tieWeights, false, 'tieWeights'),
    dropout: dropoutRates(given.dropout, dropoutNames),
    variational: flag(given.variational, false, 'variational'),
    layerNorm: flag(given.layerNorm, false, 'layerNorm'),
    zoneout: {
      hidden: rate(given.zoneout?.hidden ?? undefined, 'zoneout.hidden'),
      cell: rate(given.zoneout?.cell ?? undefined, 'zoneout.cell'),
    },
    projectionSize: sizeOrNone(given.projectionSize, 'projectionSize'),
    residual: flag(given.residual, false, 'residual'),
    skipToOutput: flag(given.skipToOutput, false, 'skipToOutput'),
  } as const;
  for (const name of ['input', 'embedding'] as const) {
    if (config.dropout[name] > 0 && config.embeddingSize === 0) {
      throw new ConfigError(expected(`dropout.${name}`, '0 where embeddingSize is 0', config.dropout[name]));
    }
  }
  if (config.cell !== 'lstm') {
    if (config.projectionSize > 0)
      throw new ConfigError(expected('projectionSize', `0 for ${config.cell}`, config.projectionSize));
    if (config.zoneout.cell > 0)
      throw new ConfigError(expected('zoneout.cell', `0 for ${config.cell}`, config.zoneout.cell));
  }
  return config;
}

function decoderOptions(config: LanguageModelConfig, seed: number) {
  const { cell, vocabularySize, embeddingSize, layers, tieWeights, variational, layerNorm, residual, skipToOutput } =
    config;
  const { input, between, output, recurrent, embedding, weight } = config.dropout;
  const lstm = cell === 'lstm';
  return {
    ...{
      cell,
      vocabularySize,
      embeddingSize,
      layers,
      tieWeights,
      variational,
      layerNorm,
      residual,
      skipToOutput,
      seed,
    },
    units: config.hiddenSize,
    dropout: input,
    betweenDropout: between,
    outputDropout: output,
    recurrentDropout: recurrent,
    embeddingDropout: embedding,
    weightDropout: weight,
    zoneout: lstm ? config.zoneout : { hidden: config.zoneout.hidden },
    ...(lstm && config.projectionSize > 0 ? { projectionSize: config.projectionSize } : {}),
  };
}
