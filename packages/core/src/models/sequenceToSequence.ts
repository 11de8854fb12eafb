import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, InputError, expected } from '../errors.js';
import { zeroPadding } from '../layers/masks.js';
import { refuseUnknown } from '../options.js';
import {
  consistencyLoss,
  dropout,
  dropoutMask,
  embeddingLookup,
  maskedMean,
  softmaxCrossEntropy,
} from '../ops/index.js';
import { Random } from '../random.js';
import { assertShape } from '../shapes.js';
import { AttentionDecoder } from './attentionDecoder.js';
import {
  disposeState,
  type AttentionDecodeOptions,
  type AttentionDecodeResult,
  type AttentionDecoderState,
} from './attentionDecoderState.js';
import { teacherDifference, type TeacherPredictions } from './distillation.js';
import { LSTMEncoder } from './encoder.js';
import { mixPredictions } from './scheduledSampling.js';
import {
  decoderOptionsOf,
  encoderOptionsOf,
  resolveSequenceToSequence,
  type SequenceToSequenceConfig,
  type SequenceToSequenceOptions,
} from './sequenceToSequenceOptions.js';
import { embeddingSpec } from './tokens.js';

/** Source sentences: ids [B, S], padded at the right, and how many of each count. */
export interface SourceBatch {
  source: tf.Tensor;
  /** int32 [B] */
  sourceLengths: tf.Tensor;
}

/** Pairs of sentences, for teacher forcing. */
export interface PairBatch extends SourceBatch {
  /** int32 [B, T]: bos y_1 ... y_n, padded */
  inputs: tf.Tensor;
  /** int32 [B, T]: y_1 ... y_n eos, padded with -1 */
  targets: tf.Tensor;
  /** int32 [B]: n + 1 */
  targetLengths: tf.Tensor;
}

const batchNames = ['source', 'sourceLengths', 'inputs', 'targets', 'targetLengths'] as const;

export interface SequenceForwardOptions {
  training?: boolean;
  /** Where dropouts draw from; the model's own generator when absent. */
  random?: Random;
}

const forwardOptionNames = ['training', 'random'];

/** What teacher forcing takes besides. */
export type SequenceDecodeOptions = SequenceForwardOptions & Pick<AttentionDecodeOptions, 'needWeightsGradient'>;

/** What the loss of a batch of pairs takes besides. */
export interface SequenceLossOptions extends SequenceForwardOptions {
  /** Label smoothing (Szegedy et al. 2016), of [0, 1). */
  labelSmoothing?: number;
  /** The weight of the coverage loss (See, Liu and Manning 2017, equations 12 and 13); for models with coverage. */
  coverageLoss?: number;
  /**
   * The share of target tokens, of [0, 1], that are read as the model predicts them and not as they are (Bengio et al. 2015), in the two
   * parallel passes of Mihaylova and Martins 2019.
   */
  scheduledSampling?: number;
  /**
   * The weight alpha of R-Drop (Liang et al. 2021, equations 2 and 4), for training with dropout; 0 when absent. Each pair is predicted
   * twice, p_1 and p_2, under dropouts of their own, and the two predictions are drawn together. Divided by the paper's two passes, so
   * that weights keep their meaning, the loss per token is
   *
   *     (CE(p_1) + CE(p_2)) / 2 + alpha / 2 (KL(p_1||p_2) + KL(p_2||p_1)) / 2
   */
  consistency?: number;
  /**
   * Knowledge distillation, word by word (Hinton, Vinyals and Dean 2015; Kim and Rush 2016, section 3.1): of the probability that the
   * labels have, the share `weight`, of [0, 1], is spread as teachers say; see {@link teacherPredictions}.
   */
  distillation?: TeacherPredictions & { weight: number };
}

const lossOptionNames = [
  ...forwardOptionNames,
  ...['labelSmoothing', 'coverageLoss', 'scheduledSampling', 'consistency', 'distillation'],
];

/**
 * Translates sequences of tokens into others: an {@link LSTMEncoder}, and an {@link AttentionDecoder} that starts from its bridged
 * states and attends to its outputs (Sutskever, Vinyals and Le 2014; Bahdanau, Cho and Bengio 2015; Luong, Pham and Manning 2015).
 * Its variables are in `parameters`, under stable names in a fixed order.
 */
export class SequenceToSequence {
  readonly config: SequenceToSequenceConfig;
  readonly parameters = new Map<string, tf.Variable>();
  readonly encoder: LSTMEncoder;
  readonly decoder: AttentionDecoder;
  private readonly tables: { source: tf.Variable; target: tf.Variable };
  private readonly random: Random;

  /** @param random fills the weights and, where a call is given no generator, draws the dropouts */
  constructor(options: SequenceToSequenceOptions, random: Random) {
    this.config = resolveSequenceToSequence(options);
    this.random = random.fork('dropout');
    const { sourceVocabularySize, targetVocabularySize, embeddingSize: E, shareEmbeddings } = this.config;
    this.encoder = new LSTMEncoder(encoderOptionsOf(this.config, random.fork('encoder').nextUint32()));
    this.encoder.build([null, null, E]);
    this.decoder = new AttentionDecoder(decoderOptionsOf(this.config, random.fork('decoder').nextUint32()));
    const shapes = [
      [null, null],
      [null, null, this.encoder.outputSize + (this.config.attendEmbeddings ? E : 0)],
    ];
    this.decoder.build(shapes);
    const table = (name: string, size: number): tf.Variable => {
      const variable = tf.tidy(() => tf.variable(embeddingSpec(size, E, true, random.fork(name)).fill([size, E])));
      this.parameters.set(name, variable);
      return variable;
    };
    const target = table(shareEmbeddings ? 'embedding' : 'targetEmbedding', targetVocabularySize);
    this.tables = { target, source: shareEmbeddings ? target : table('sourceEmbedding', sourceVocabularySize) };
    for (const [part, layer] of [
      ['encoder', this.encoder],
      ['decoder', this.decoder],
    ] as const) {
      for (const [name, variable] of layer.parameters()) this.parameters.set(`${part}.${name}`, variable);
    }
  }

  /** The whole configuration, defaults resolved. */
  toJSON(): SequenceToSequenceConfig {
    return structuredClone(this.config);
  }

  /** The number of trainable numbers. */
  get parameterCount(): number {
    return [...this.parameters.values()].reduce((sum, variable) => sum + variable.size, 0);
  }

  /** Reads source sentences: where the decoder starts. The caller frees it by {@link disposeStart}. */
  start({ source, sourceLengths }: SourceBatch, options: SequenceForwardOptions = {}): AttentionDecoderState {
    refuseUnknown('start', options, forwardOptionNames);
    assertShape(source, ['B', 'S'], 'source');
    return tf.tidy(() => {
      const { training = false, random = this.random } = options;
      const { dropout: rates, variational } = this.config;
      const drop = (x: tf.Tensor3D, rate: number): tf.Tensor3D =>
        training && rate > 0 ? dropout(x, { rate, seed: random.seedPair(), locked: variational }) : x;
      const ids = zeroPadding(source, sourceLengths);
      const embedded = embeddingLookup(this.dropped('source', training, random), ids) as tf.Tensor3D; // [B, S, E]
      const features = drop(embedded, rates.input);
      const { outputs, states } = this.encoder.encode(features, { lengths: sourceLengths, training, random });
      const read = drop(outputs, rates.context);
      const memory = this.config.attendEmbeddings ? tf.concat([read, features], 2) : read; // [B, S, C]
      return this.decoder.start(memory, this.bridged(states), sourceLengths);
    });
  }

  /** Decoder layer l starts from the encoder layer as high, or the highest there is; the top ones of a deeper encoder. */
  private bridged(states: tf.Tensor[]): tf.Tensor[] {
    const layers = states.length / 2;
    const { layers: wanted } = this.config.decoder;
    const offset = Math.max(0, layers - wanted);
    return Array.from({ length: wanted }, (_, index) => {
      const from = Math.min(index + offset, layers - 1);
      return states.slice(2 * from, 2 * from + 2);
    }).flat();
  }

  /** The embedding, whole tokens of it dropped out. */
  private dropped(side: 'source' | 'target', training: boolean, random: Random): tf.Tensor {
    const table = this.tables[side];
    const rate = this.config.dropout.embedding;
    if (!training || rate === 0) return table;
    return tf.mul(table, dropoutMask([table.shape[0], 1], { rate, seed: random.seedPair() })); // [V, E]
  }

  /** Teacher forcing: reads the pairs and predicts every target token from those before it. The caller owns the result. */
  forward(batch: PairBatch, options: SequenceDecodeOptions = {}): AttentionDecodeResult {
    refuseUnknown('forward', options, [...forwardOptionNames, 'needWeightsGradient']);
    return tf.tidy(() => {
      const { training, random = this.random, needWeightsGradient } = options;
      const { B, S } = assertShape(batch.source, ['B', 'S'], 'source');
      assertShape(batch.inputs, [B, 'T'], 'inputs', { B, S });
      const state = this.start(batch, { training, random });
      const run = { lengths: batch.targetLengths, training, random, needWeightsGradient };
      return this.decode(batch.inputs, state, run);
    });
  }

  private decode(ids: tf.Tensor, state: AttentionDecoderState, options: Parameters<AttentionDecoder['decode']>[2]) {
    return this.decoder.decode(ids, state, { ...options, table: this.tables.target });
  }

  /**
   * The mean loss of the target tokens, in nats per token, with label smoothing where it is asked for; and the cross entropy of each
   * token against its label, [B * T], or [2 B * T] with consistency, of one pass after the other.
   */
  loss(pairs: PairBatch, options: SequenceLossOptions = {}): { loss: tf.Scalar; losses: tf.Tensor1D } {
    refuseUnknown('loss', options, lossOptionNames);
    return tf.tidy(() => {
      const { labelSmoothing = 0, coverageLoss = 0, scheduledSampling = 0, consistency = 0 } = options;
      const { training, random = this.random, distillation } = options;
      checkWeight(coverageLoss, 'coverageLoss');
      if (coverageLoss > 0 && !this.config.decoder.coverage) {
        throw new InputError(expected('coverageLoss', '0 for a model without coverage', coverageLoss));
      }
      checkWeight(consistency, 'consistency');
      if (!(scheduledSampling >= 0 && scheduledSampling <= 1)) {
        throw new ConfigError(expected('scheduledSampling', 'a number of [0, 1]', scheduledSampling));
      }
      if (distillation && !(distillation.weight >= 0 && distillation.weight <= 1)) {
        throw new ConfigError(expected('distillation.weight', 'a number of [0, 1]', distillation.weight));
      }
      const batch = consistency > 0 ? twice(pairs, batchNames) : pairs;
      const state = this.start(batch, { training, random });
      const run = { lengths: batch.targetLengths, training, random };
      const inputs =
        scheduledSampling > 0
          ? mixPredictions(batch, (ids) => this.decode(ids, state, run).logits, scheduledSampling, random)
          : batch.inputs;
      const { logits, overlap } = this.decode(inputs, state, run);
      const V = this.config.targetVocabularySize;
      const labels = tf.reshape(batch.targets, [batch.targets.size]); // [B * T]
      const rows = tf.reshape(logits, [labels.size, V]); // [B * T, V]
      const losses = softmaxCrossEntropy(rows, labels, { smoothing: labelSmoothing });
      let loss = maskedMean(losses, labels);
      if (distillation) {
        const { weight, ...teacher } = distillation;
        const difference = teacherDifference(
          rows,
          labels,
          consistency > 0 ? twice(teacher, ['ids', 'probabilities']) : teacher,
        );
        loss = tf.add(loss, tf.mul(maskedMean(difference, labels), weight * (1 - labelSmoothing)));
      }
      if (consistency > 0) {
        const once = tf.reshape(pairs.targets, [labels.size / 2]);
        loss = tf.add(loss, tf.mul(maskedMean(consistencyLoss(rows, once), once), consistency / 2));
      }
      if (overlap && coverageLoss > 0) {
        const covered = maskedMean(tf.reshape(overlap, [labels.size]), labels);
        loss = tf.add(loss, tf.mul(covered, coverageLoss));
      }
      return { loss, losses };
    });
  }

  /** log p(target | source) of each pair, in nats, [B]: the sum over its tokens and eos. */
  logProbabilities(batch: PairBatch): tf.Tensor1D {
    return tf.tidy(() => {
      const { losses } = this.loss(batch);
      return tf.neg(tf.sum(tf.reshape(losses, batch.targets.shape as [number, number]), 1) as tf.Tensor1D);
    });
  }

  /** One step of decoding, ids [R]; see {@link AttentionDecoder.step}. */
  step(ids: tf.Tensor, state: AttentionDecoderState) {
    return this.decoder.step(ids, state, { table: this.tables.target });
  }

  /** Frees what {@link start} made. */
  disposeStart(state: AttentionDecoderState): void {
    tf.dispose(state.memories.map(({ values }) => values));
    disposeState(state);
  }

  /** Frees the weights. */
  dispose(): void {
    for (const variable of new Set([...this.parameters.values()])) variable.dispose();
  }
}

function checkWeight(value: number, what: string): void {
  if (!(value >= 0 && value < Infinity)) throw new ConfigError(expected(what, 'a number of at least 0', value));
}

/** Each pair two times, the second pass's rows below those of the first. */
function twice<Name extends string>(batch: Record<Name, tf.Tensor>, names: readonly Name[]): Record<Name, tf.Tensor> {
  const doubled = names.map((name) => [name, tf.concat([batch[name], batch[name]])]);
  return Object.fromEntries(doubled) as Record<Name, tf.Tensor>;
}
