import { ConfigError, expected } from '../errors.js';
import { attentionScores, type AttentionScore } from '../layers/attention.js';
import { assertKnownOptions } from '../layers/options.js';
import { choice, dropoutRates, flag, positiveInteger, presentOptions, sizeOrNone } from '../options.js';
import { decoderNetworkNames, type AttentionDecoderOptions } from './attentionDecoderOptions.js';
import type { LSTMEncoderOptions } from './encoder.js';

const dropoutNames = ['embedding', 'input', 'context', 'between', 'output', 'recurrent', 'weight'] as const;

/** Where a sequence-to-sequence model drops out, each a rate of [0, 1). */
export type SequenceToSequenceDropout = Record<(typeof dropoutNames)[number], number>;

/** The encoder of a {@link SequenceToSequenceConfig}. */
export interface EncoderConfig {
  /** Of each direction. */
  units: number;
  layers: number;
  /** How many of the lowest layers read in both directions. */
  bidirectional: number;
  residual: boolean;
}

/** The decoder of a {@link SequenceToSequenceConfig}; see AttentionDecoderOptions. */
export interface DecoderConfig {
  units: number;
  layers: number;
  score: AttentionScore | 'none';
  /** For additive attention; 0: `units`. */
  attentionUnits: number;
  /** Of each attention; more than 1 project queries, keys and values. */
  heads: number;
  attend: 'top' | 'every';
  inputFeeding: boolean;
  coverage: boolean;
  /** 0: `embeddingSize` with tied weights, else `units`. */
  readoutSize: number;
  deepOutput: boolean;
  residual: boolean;
}

/** The options of a SequenceToSequence, all resolved. */
export interface SequenceToSequenceConfig {
  sourceVocabularySize: number;
  targetVocabularySize: number;
  /** The size of a token's vector, on both sides. */
  embeddingSize: number;
  /** One table for both sides, which then have one vocabulary. */
  shareEmbeddings: boolean;
  /** Let the target's embedding also be the output's kernel (Press and Wolf 2017). */
  tieWeights: boolean;
  encoder: EncoderConfig;
  decoder: DecoderConfig;
  /**
   * `embedding` of whole tokens (Gal and Ghahramani 2016), `input` of embedded tokens on both sides, `context` of the encoder's
   * outputs, `between` layers, `output` of the readout; `recurrent` of h_{t-1}; `weight` of the recurrent kernels.
   */
  dropout: SequenceToSequenceDropout;
  /** One mask for all steps of a sequence in the input, context, between and output dropout. */
  variational: boolean;
  layerNorm: boolean;
  /**
   * Let the decoder attend to the embedded source tokens too: a row of the memory is the encoder's output and, after it, the token's
   * vector (Gehring et al. 2017, equation 2, where the two are added). What is looked at then also tells which word stands there.
   */
  attendEmbeddings: boolean;
}

/** What is asked of a new SequenceToSequence; the rest has defaults. */
export type SequenceToSequenceOptions = Pick<
  SequenceToSequenceConfig,
  'sourceVocabularySize' | 'targetVocabularySize' | 'embeddingSize'
> &
  Partial<
    Pick<SequenceToSequenceConfig, 'shareEmbeddings' | 'tieWeights' | 'variational' | 'layerNorm' | 'attendEmbeddings'>
  > & {
    encoder: Partial<EncoderConfig> & Pick<EncoderConfig, 'units'>;
    decoder: Partial<DecoderConfig> & Pick<DecoderConfig, 'units'>;
    dropout?: Partial<SequenceToSequenceDropout>;
  };

const names = {
  model: [
    ...['sourceVocabularySize', 'targetVocabularySize', 'embeddingSize', 'shareEmbeddings', 'tieWeights', 'encoder'],
    ...['decoder', 'dropout', 'variational', 'layerNorm', 'attendEmbeddings'],
  ],
  encoder: ['units', 'layers', 'bidirectional', 'residual'],
  decoder: decoderNetworkNames,
};

/** Fills in the defaults, and refuses what is unknown or out of range. */
export function resolveSequenceToSequence(options: SequenceToSequenceOptions): SequenceToSequenceConfig {
  assertKnownOptions('SequenceToSequence', options, names.model, []);
  const given = presentOptions(options);
  const config = {
    sourceVocabularySize: positiveInteger(given.sourceVocabularySize, 'sourceVocabularySize'),
    targetVocabularySize: positiveInteger(given.targetVocabularySize, 'targetVocabularySize'),
    embeddingSize: positiveInteger(given.embeddingSize, 'embeddingSize'),
    shareEmbeddings: flag(given.shareEmbeddings, false, 'shareEmbeddings'),
    tieWeights: flag(given.tieWeights, false, 'tieWeights'),
    encoder: resolveEncoder(given.encoder),
    decoder: resolveDecoder(given.decoder),
    dropout: dropoutRates(given.dropout, dropoutNames),
    variational: flag(given.variational, false, 'variational'),
    layerNorm: flag(given.layerNorm, false, 'layerNorm'),
    attendEmbeddings: flag(given.attendEmbeddings, false, 'attendEmbeddings'),
  };
  if (config.attendEmbeddings && config.decoder.score === 'none') {
    throw new ConfigError(expected('attendEmbeddings', 'false without attention', true));
  }
  if (config.shareEmbeddings && config.sourceVocabularySize !== config.targetVocabularySize) {
    const wanted = `sourceVocabularySize, ${config.sourceVocabularySize}, with shareEmbeddings`;
    throw new ConfigError(expected('targetVocabularySize', wanted, config.targetVocabularySize));
  }
  return config;
}

function resolveEncoder(options: SequenceToSequenceOptions['encoder']): EncoderConfig {
  assertKnownOptions('encoder', options ?? {}, names.encoder, []);
  const given = presentOptions(options ?? {}) as Partial<EncoderConfig>;
  const layers = positiveInteger(given.layers ?? 1, 'encoder.layers');
  const bidirectional = given.bidirectional ?? layers;
  if (!Number.isInteger(bidirectional) || bidirectional < 0 || bidirectional > layers) {
    throw new ConfigError(expected('encoder.bidirectional', `a number of layers from 0 to ${layers}`, bidirectional));
  }
  return {
    units: positiveInteger(given.units, 'encoder.units'),
    ...{ layers, bidirectional },
    residual: flag(given.residual, false, 'encoder.residual'),
  };
}

function resolveDecoder(options: SequenceToSequenceOptions['decoder']): DecoderConfig {
  assertKnownOptions('decoder', options ?? {}, names.decoder, []);
  const given = presentOptions(options ?? {}) as Partial<DecoderConfig>;
  return {
    units: positiveInteger(given.units, 'decoder.units'),
    layers: positiveInteger(given.layers ?? 1, 'decoder.layers'),
    score: choice(given.score, [...attentionScores, 'none'] as const, 'multiplicative', 'decoder.score'),
    attentionUnits: sizeOrNone(given.attentionUnits, 'decoder.attentionUnits'),
    heads: positiveInteger(given.heads ?? 1, 'decoder.heads'),
    attend: choice(given.attend, ['top', 'every'], 'top', 'decoder.attend'),
    inputFeeding: flag(given.inputFeeding, false, 'decoder.inputFeeding'),
    coverage: flag(given.coverage, false, 'decoder.coverage'),
    readoutSize: sizeOrNone(given.readoutSize, 'decoder.readoutSize'),
    deepOutput: flag(given.deepOutput, false, 'decoder.deepOutput'),
    residual: flag(given.residual, false, 'decoder.residual'),
  };
}

/** The encoder in the words of LSTMEncoder; it reads embedded tokens. */
export function encoderOptionsOf(config: SequenceToSequenceConfig, seed: number): LSTMEncoderOptions {
  const { units, layers, bidirectional, residual } = config.encoder;
  const { between, recurrent, weight } = config.dropout;
  return {
    ...{ units, layers, bidirectional, residual, seed },
    ...{ layerNorm: config.layerNorm, variational: config.variational },
    ...{ betweenDropout: between, recurrentDropout: recurrent, weightDropout: weight },
    ...{ bridge: 'dense', bridgeUnits: config.decoder.units },
  };
}

/** The decoder in the words of AttentionDecoder; its embedding is given to each call. */
export function decoderOptionsOf(config: SequenceToSequenceConfig, seed: number): AttentionDecoderOptions {
  const { attentionUnits, readoutSize, ...decoder } = config.decoder;
  const { embedding, input, between, output, recurrent, weight } = config.dropout;
  return {
    ...decoder,
    ...(attentionUnits > 0 ? { attentionUnits } : {}),
    ...(readoutSize > 0 ? { readoutSize } : {}),
    ...{ vocabularySize: config.targetVocabularySize, embeddingSize: config.embeddingSize, sharedEmbedding: true },
    ...{ tieWeights: config.tieWeights, layerNorm: config.layerNorm, variational: config.variational, seed },
    ...{ embeddingDropout: embedding, dropout: input, betweenDropout: between, outputDropout: output },
    ...{ recurrentDropout: recurrent, weightDropout: weight },
  };
}
