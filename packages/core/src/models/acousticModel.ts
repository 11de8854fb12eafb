import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected, InputError } from '../errors.js';
import { assertKnownOptions } from '../layers/options.js';
import { choice, dropoutRates, flag, numberIn, positiveInteger, presentOptions, refuseUnknown } from '../options.js';
import { RecurrentStack, type CellName } from '../layers/recurrentStack.js';
import { consistencyLoss, ctcLoss, dropout, maskedMean, softmaxCrossEntropy } from '../ops/index.js';
import { Random } from '../random.js';
import { assertShape, assertType } from '../shapes.js';
import { resolveInitializer } from '../layers/weightOptions.js';

const dropoutNames = ['input', 'between', 'output', 'recurrent', 'weight'] as const;

/** Where an acoustic model drops out, each a rate of [0, 1). */
export type AcousticModelDropout = Record<(typeof dropoutNames)[number], number>;

/** The options of {@link AcousticModel}, all resolved. */
export interface AcousticModelConfig {
  cell: CellName;
  /** D: the values of a frame. */
  featureSize: number;
  /** V: what is told apart; for CTC the blank is one of them. */
  classes: number;
  /** The units of each layer and direction. */
  hiddenSize: number;
  layers: number;
  /** Whether every layer reads in both directions. */
  bidirectional: boolean;
  /**
   * `input` of the features, `between` layers, `output` before the logits (Zaremba, Sutskever and Vinyals 2014); `recurrent` of
   * h_{t-1} (Gal and Ghahramani 2016); `weight` of the recurrent kernel (Merity, Keskar and Socher 2017).
   */
  dropout: AcousticModelDropout;
  /** One mask for all frames in the input and between dropout (Gal and Ghahramani 2016). */
  variational: boolean;
  /** Ba, Kiros and Hinton 2016. */
  layerNorm: boolean;
  /** Connections around every layer but the first. */
  residual: boolean;
  /** What whole recordings are told apart by: the mean of the network's outputs, or what the frames say one by one. */
  pooling: Pooling;
}

const poolings = ['outputs', 'frames'] as const;
export type Pooling = (typeof poolings)[number];

/** What is asked of a new {@link AcousticModel}; the rest has defaults. */
export type AcousticModelOptions = Pick<AcousticModelConfig, 'featureSize' | 'classes' | 'hiddenSize'> &
  Partial<Omit<AcousticModelConfig, 'dropout'>> & { dropout?: Partial<AcousticModelDropout> };

const optionNames = [
  ...['cell', 'featureSize', 'classes', 'hiddenSize', 'layers', 'bidirectional', 'dropout', 'variational'],
  ...['layerNorm', 'residual', 'pooling'],
];

/** Recordings as features, the rows padded at the right to one length. */
export interface FrameBatch {
  /** float32 [B, F, D] */
  features: tf.Tensor;
  /** int32 [B]: how many frames of each row count */
  frameLengths: tf.Tensor;
}

/** Recordings with what was said in them. */
export interface TranscribedBatch extends FrameBatch {
  /** int32 [B, L], padded with -1 */
  labels: tf.Tensor;
  /** int32 [B] */
  labelLengths: tf.Tensor;
}

export interface AcousticForwardOptions {
  training?: boolean;
  /** Where dropouts draw from; the model's own generator when absent. */
  random?: Random;
}

const forwardOptionNames = ['training', 'random'];

export interface AcousticLossOptions extends AcousticForwardOptions {
  /**
   * The weight alpha of consistency regularisation (CR-CTC, Yao et al. 2025, equations 2 to 4); 0 when absent. Each recording then stands in
   * the batch twice, as rows 2n and 2n + 1 of as many frames: two views of it, p and q, under masks and dropouts of their own, which are
   * drawn together, each to the other as it stands. To the mean of the losses comes, per recording,
   *
   *     alpha sum_t (KL(p_t||q_t) + KL(q_t||p_t)) / 2
   */
  consistency?: number;
}

/**
 * Tells frame by frame what is being said: a deep recurrent network over acoustic features, in one direction or both (Graves, Mohamed
 * and Hinton 2013), and a softmax over symbols, trained by connectionist temporal classification (Graves et al. 2006). The same
 * network tells whole recordings apart by the mean of its outputs over time, or by a product of what its frames say, each an expert
 * (Hinton 2002), whose exponent allows for neighbours that say the same twice: of F frames as much as sqrt(F) independent ones.
 *
 *     logits_t = h_t W + b
 *     of a recording: (sum_t h_t / F) W + b          or: sum_t log softmax(logits_t) / sqrt(F)
 *
 * Padding costs nothing and changes nothing. Its variables are in `parameters`, under stable names in a fixed order.
 */
export class AcousticModel {
  readonly config: AcousticModelConfig;
  readonly parameters: Map<string, tf.Variable>;
  private readonly stack: RecurrentStack;
  private readonly kernel: tf.Variable;
  private readonly bias: tf.Variable;
  private readonly random: Random;

  /** @param random fills the weights and, where a call is given no generator, draws the dropouts */
  constructor(options: AcousticModelOptions, random: Random) {
    this.config = resolve(options);
    this.random = random.fork('dropout');
    this.stack = new RecurrentStack(stackOptions(this.config, random.fork('weights').nextUint32()));
    this.stack.build([null, null, this.config.featureSize]);
    const shape = [this.stack.outputSize, this.config.classes];
    const fill = resolveInitializer('glorotUniform', random.fork('output'), 'output');
    this.kernel = tf.tidy(() => tf.variable(fill(shape)));
    this.bias = tf.tidy(() => tf.variable(tf.zeros([this.config.classes])));
    this.parameters = new Map(this.stack.parameters()).set('output.kernel', this.kernel).set('output.bias', this.bias);
  }

  /** A model of the same shape from what `toJSON` gave; its weights are fresh. */
  static fromJSON(json: AcousticModelConfig, random: Random): AcousticModel {
    return new AcousticModel(json, random);
  }

  /** The whole configuration, defaults resolved. */
  toJSON(): AcousticModelConfig {
    return structuredClone(this.config);
  }

  /** The number of trainable numbers. */
  get parameterCount(): number {
    return [...this.parameters.values()].reduce((sum, variable) => sum + variable.size, 0);
  }

  /** The sizes of the states, in their order; see {@link forward}. */
  get stateSizes(): number[] {
    return this.stack.stateSizes;
  }

  /**
   * The logits of every frame, [B, F, V], and the states after each row's last frame. A model of one direction goes on from
   * states: pieces of a recording, one after another, give what the whole gives. The caller owns what is returned.
   */
  forward(
    batch: FrameBatch,
    { state, ...options }: AcousticForwardOptions & { state?: tf.Tensor[] } = {},
  ): { logits: tf.Tensor3D; state: tf.Tensor[] } {
    refuseUnknown('forward', options, [...forwardOptionNames, 'state']);
    if (state !== undefined && this.config.bidirectional) {
      throw new ConfigError(
        expected('state', 'absent for a model of both directions, which needs the end first', 'one'),
      );
    }
    return tf.tidy(() => {
      const { outputs, states } = this.run(batch, options, state);
      const [B, F, H] = outputs.shape;
      const rows = this.project(tf.reshape(outputs, [B * F, H]), options);
      return { logits: tf.reshape(rows, [B, F, this.config.classes]) as tf.Tensor3D, state: states };
    });
  }

  /**
   * The mean over the batch of the CTC losses in nats, and each of them, [B]. Labels that do not fit into their frames count as
   * nothing. The blank is class 0.
   */
  ctcLoss(
    batch: TranscribedBatch,
    { consistency = 0, ...options }: AcousticLossOptions = {},
  ): { loss: tf.Scalar; losses: tf.Tensor1D } {
    refuseUnknown('ctcLoss', options, [...forwardOptionNames, 'consistency']);
    return tf.tidy(() => {
      const { logits } = this.forward(batch, options);
      const losses = ctcLoss(logits, batch.labels, batch.frameLengths, batch.labelLengths, { zeroInfinity: true });
      return { loss: withConsistency(tf.mean(losses), consistency, logits, batch.frameLengths), losses };
    });
  }

  /** The logits of whole recordings, [B, V]. */
  classify(batch: FrameBatch, options: AcousticForwardOptions = {}): tf.Tensor2D {
    refuseUnknown('classify', options, forwardOptionNames);
    return tf.tidy(() => {
      if (this.config.pooling === 'frames') return this.productOfFrames(batch, options);
      const { outputs } = this.run(batch, options);
      const frames = tf.maximum(tf.cast(batch.frameLengths, 'float32'), 1);
      const mean = tf.div(tf.sum(outputs, 1), tf.reshape(frames, [-1, 1])) as tf.Tensor2D; // [B, H]: padding is zeros
      return this.project(mean, options);
    });
  }

  /** The mean cross-entropy of whole recordings against their classes int32 [B], and each of them, in nats. */
  classificationLoss(
    batch: FrameBatch & { classes: tf.Tensor },
    { labelSmoothing = 0, consistency = 0, ...options }: AcousticLossOptions & { labelSmoothing?: number } = {},
  ): { loss: tf.Scalar; losses: tf.Tensor1D } {
    refuseUnknown('classificationLoss', options, [...forwardOptionNames, 'consistency', 'labelSmoothing']);
    return tf.tidy(() => {
      assertShape(batch.classes, ['B'], 'classes');
      const logits = this.classify(batch, options);
      const losses = softmaxCrossEntropy(logits, batch.classes, { smoothing: labelSmoothing });
      const whole = tf.onesLike(batch.frameLengths); // [B]: a recording is as one frame
      return {
        loss: withConsistency(maskedMean(losses, batch.classes), consistency, tf.expandDims(logits, 1), whole),
        losses,
      };
    });
  }

  private productOfFrames(batch: FrameBatch, options: AcousticForwardOptions): tf.Tensor2D {
    const { logits } = this.forward(batch, options);
    const lengths = tf.expandDims(batch.frameLengths, 1); // [B, 1]
    const mask = tf.cast(tf.less(tf.range(0, logits.shape[1], 1, 'int32'), lengths), 'float32'); // [B, F]
    const said = tf.mul(tf.logSoftmax(logits), tf.expandDims(mask, 2)); // [B, F, V]
    return tf.div(tf.sum(said, 1), tf.sqrt(tf.maximum(tf.cast(lengths, 'float32'), 1))) as tf.Tensor2D;
  }

  /** Frees the weights. */
  dispose(): void {
    this.stack.dispose();
    tf.dispose([this.kernel, this.bias]);
  }

  private run({ features, frameLengths }: FrameBatch, options: AcousticForwardOptions, initialState?: tf.Tensor[]) {
    const sizes = assertShape(features, ['B', 'F', this.config.featureSize], 'features');
    assertShape(frameLengths, ['B'], 'frameLengths', sizes);
    assertType(frameLengths, 'int32', 'frameLengths');
    const random = options.random ?? this.random;
    const { training } = options;
    return this.stack.run(features, {
      lengths: frameLengths,
      training,
      random,
      initialState,
      needInputGradient: false,
    });
  }

  private project(h: tf.Tensor, { training, random = this.random }: AcousticForwardOptions): tf.Tensor2D {
    const { output } = this.config.dropout;
    const kept = training === true && output > 0 ? dropout(h, { rate: output, seed: random.seedPair() }) : h;
    return tf.add(tf.matMul(kept as tf.Tensor2D, this.kernel as tf.Tensor as tf.Tensor2D), this.bias);
  }
}

/** A loss, and so many times what the views of each recording differ by; see {@link AcousticLossOptions}. */
function withConsistency(loss: tf.Tensor, weight: number, logits: tf.Tensor, frameLengths: tf.Tensor): tf.Scalar {
  numberIn(weight, '[0,Infinity)', 'consistency');
  if (weight === 0) return loss as tf.Scalar;
  const { B, F, V } = assertShape(logits, ['B', 'F', 'V'], 'logits');
  if (B % 2 !== 0) throw new InputError(expected('features', 'two rows for each recording with consistency', B));
  const N = B / 2;
  const views = tf.split(tf.reshape(logits, [N, 2, F, V]), 2, 1);
  const rows = tf.reshape(tf.concat(views), [2 * N * F, V]);
  const lengths = tf.slice(tf.reshape(frameLengths, [N, 2]), [0, 0], [N, 1]);
  const isPadding = tf.greaterEqual(tf.range(0, F, 1, 'int32'), lengths); // [N, F]
  const labels = tf.neg(tf.cast(tf.reshape(isPadding, [N * F]), 'int32'));
  return tf.add(loss, tf.mul(tf.sum(consistencyLoss(rows, labels, { fixedTargets: true })), weight / N));
}

function resolve(options: AcousticModelOptions): AcousticModelConfig {
  assertKnownOptions('AcousticModel', options, optionNames, []);
  const given = presentOptions(options);
  return {
    cell: choice(given.cell, ['rnn', 'gru', 'lstm'], 'lstm', 'cell'),
    featureSize: positiveInteger(given.featureSize, 'featureSize'),
    classes: positiveInteger(given.classes, 'classes'),
    hiddenSize: positiveInteger(given.hiddenSize, 'hiddenSize'),
    layers: positiveInteger(given.layers ?? 1, 'layers'),
    bidirectional: flag(given.bidirectional, false, 'bidirectional'),
    dropout: dropoutRates(given.dropout, dropoutNames),
    variational: flag(given.variational, false, 'variational'),
    layerNorm: flag(given.layerNorm, false, 'layerNorm'),
    residual: flag(given.residual, false, 'residual'),
    pooling: choice(given.pooling, poolings, 'outputs', 'pooling'),
  };
}

function stackOptions(
  { dropout: rates, hiddenSize, cell, layers, bidirectional, ...config }: AcousticModelConfig,
  seed: number,
) {
  const { variational, layerNorm, residual } = config;
  return {
    ...{ cell, layers, bidirectional, variational, layerNorm, residual, seed },
    units: hiddenSize,
    dropout: rates.input,
    betweenDropout: rates.between,
    recurrentDropout: rates.recurrent,
    weightDropout: rates.weight,
  };
}
