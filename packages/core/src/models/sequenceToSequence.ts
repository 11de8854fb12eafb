import * as tf from '@tensorflow/tfjs-core';
import { zeroPadding } from '../layers/masks.js';
import { refuseUnknown } from '../options.js';
import { dropout, dropoutMask, embeddingLookup } from '../ops/index.js';
import { Random } from '../random.js';
import { assertShape } from '../shapes.js';
import { AttentionDecoder } from './attentionDecoder.js';
import {
  disposeState,
  type AttentionDecodeOptions,
  type AttentionDecodeResult,
  type AttentionDecoderState,
} from './attentionDecoderState.js';
import { LSTMEncoder } from './encoder.js';
import { mixPredictions } from './scheduledSampling.js';
import { checkLossOptions, lossOptionNames, predictionLoss, twice, type SequenceLossOptions } from './sequenceLoss.js';
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
    this.decoder = new AttentionDecoder(decoderOptionsOf(this.config, random.fork('decoder').nextUint32()));
    this.encoder.build([null, null, E]); // once nothing is refused any more, for it makes variables
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
  start(batch: SourceBatch, options: SequenceForwardOptions = {}): AttentionDecoderState {
    refuseUnknown('start', options, forwardOptionNames);
    assertShape(batch.source, ['B', 'S'], 'source');
    return this.read(batch, options);
  }

  /** Where the decoder starts from with pairs, whose shapes are checked here. */
  private startPairs(batch: PairBatch, options: SequenceForwardOptions): AttentionDecoderState {
    assertShape(batch.inputs, ['B', 'T'], 'inputs', assertShape(batch.source, ['B', 'S'], 'source'));
    return this.read(batch, options);
  }

  private read(
    { source, sourceLengths }: SourceBatch,
    { training = false, random = this.random }: SequenceForwardOptions,
  ): AttentionDecoderState {
    return tf.tidy(() => {
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
      const state = this.startPairs(batch, { training, random });
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
    refuseUnknown('loss', options, [...forwardOptionNames, ...lossOptionNames]);
    checkLossOptions(options, this.config.decoder);
    return tf.tidy(() => {
      const { training, random = this.random, scheduledSampling = 0, consistency = 0 } = options;
      const batch = consistency > 0 ? twice(pairs, batchNames) : pairs;
      const state = this.startPairs(batch, { training, random });
      const run = { lengths: batch.targetLengths, training, random };
      const inputs =
        scheduledSampling > 0
          ? mixPredictions(batch, (ids) => this.decode(ids, state, run).logits, scheduledSampling, random)
          : batch.inputs;
      return predictionLoss(this.decode(inputs, state, run), batch.targets, options);
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
