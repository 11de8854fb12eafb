import { ConfigError, expected } from '../errors.js';
import { attentionScores, checkHeads, type AttentionScore } from '../layers/attention.js';
import { assertKnownOptions, type BaseLayerOptions } from '../layers/options.js';
import { choice, flag, positiveInteger, presentOptions, rate, seedOf } from '../options.js';

/** The options of an AttentionDecoder. */
export interface AttentionDecoderOptions extends BaseLayerOptions {
  /** The number of target tokens V. */
  vocabularySize: number;
  /** The size E of a token's vector. */
  embeddingSize: number;
  /** The hidden size H of every layer. */
  units: number;
  /** 1 when absent */
  layers?: number;
  /** How attention compares; `none` leaves it out. multiplicative when absent. */
  score?: AttentionScore | 'none';
  /** additive only: the size of the space in which queries and keys meet; `units` when absent. */
  attentionUnits?: number;
  /** How many heads each attention has, see Attention; a divisor of `attentionUnits` or `units`. 1 when absent. */
  heads?: number;
  /** Which layers attend: only the highest, or every one, its context going to the layer above. top when absent. */
  attend?: 'top' | 'every';
  /** Feed the readout back into the next step (Luong, Pham and Manning 2015, section 3.3). */
  inputFeeding?: boolean;
  /** Let the scores know what was attended to before (See, Liu and Manning 2017). */
  coverage?: boolean;
  /** The readout's size R; `embeddingSize` with tied weights, else `units`. */
  readoutSize?: number;
  /** Let the readout see the token's embedding too. */
  deepOutput?: boolean;
  /** Let the embedding also be the output's kernel (Press and Wolf 2017). */
  tieWeights?: boolean;
  /** The embedding is not the decoder's own but given to each call as `table`. */
  sharedEmbedding?: boolean;
  /** Add each layer's input from below to its output, but for the first. */
  residual?: boolean;
  layerNorm?: boolean;
  /** Dropout of the embedded tokens. */
  dropout?: number;
  /** Dropout of what a layer reads from the one below. */
  betweenDropout?: number;
  /** Dropout of the readout before the logits. */
  outputDropout?: number;
  /** Dropout of whole tokens of the embedding (Gal and Ghahramani 2016). */
  embeddingDropout?: number;
  recurrentDropout?: number;
  weightDropout?: number;
  /** One mask for all steps in the first three; true when absent. */
  variational?: boolean;
  seed?: number;
}

/** Those that a SequenceToSequence's `decoder` has too. */
export const decoderNetworkNames = [
  ...['units', 'layers', 'score', 'attentionUnits', 'heads', 'attend', 'inputFeeding', 'coverage', 'readoutSize'],
  ...['deepOutput', 'residual'],
];

export const attentionDecoderOptionNames = [
  ...['vocabularySize', 'embeddingSize', ...decoderNetworkNames, 'tieWeights', 'sharedEmbedding', 'layerNorm'],
  ...['dropout', 'betweenDropout', 'outputDropout', 'embeddingDropout', 'recurrentDropout', 'weightDropout'],
  ...['variational', 'seed'],
];

/** The options with their defaults. */
export type ResolvedAttentionDecoder = Required<
  Omit<AttentionDecoderOptions, 'attentionUnits' | keyof BaseLayerOptions>
> & {
  attentionUnits: number | undefined;
};

/** Fills in the defaults, and refuses what is unknown, out of range, or without effect. */
export function resolveAttentionDecoder(options: AttentionDecoderOptions): ResolvedAttentionDecoder {
  assertKnownOptions('AttentionDecoder', options, attentionDecoderOptionNames);
  const given = presentOptions(options);
  const score = choice(given.score, [...attentionScores, 'none'] as const, 'multiplicative', 'score');
  const tieWeights = flag(given.tieWeights, false, 'tieWeights');
  const embeddingSize = positiveInteger(given.embeddingSize, 'embeddingSize');
  const units = positiveInteger(given.units, 'units');
  const readoutSize = positiveInteger(given.readoutSize ?? (tieWeights ? embeddingSize : units), 'readoutSize');
  if (tieWeights && readoutSize !== embeddingSize) {
    throw new ConfigError(expected('readoutSize with tieWeights', `embeddingSize, ${embeddingSize}`, readoutSize));
  }
  const coverage = flag(given.coverage, false, 'coverage');
  if (coverage && score !== 'additive' && score !== 'multiplicative') {
    throw new ConfigError(expected('coverage', `false for the score ${score}`, true));
  }
  if (given.attentionUnits !== undefined && score !== 'additive') {
    throw new ConfigError(expected('attentionUnits', `absent for the score ${score}`, given.attentionUnits));
  }
  const heads = positiveInteger(given.heads ?? 1, 'heads');
  const attentionUnits =
    given.attentionUnits === undefined ? undefined : positiveInteger(given.attentionUnits, 'attentionUnits');
  checkHeads(heads, score, attentionUnits ?? units);
  const layers = positiveInteger(given.layers ?? 1, 'layers');
  const residual = flag(given.residual, false, 'residual');
  if (residual && layers === 1) throw new ConfigError(expected('layers', 'at least 2 for residual connections', 1));
  return {
    vocabularySize: positiveInteger(given.vocabularySize, 'vocabularySize'),
    ...{ embeddingSize, units, layers, score, heads, coverage, readoutSize, tieWeights, residual },
    attentionUnits,
    attend: choice(given.attend, ['top', 'every'], 'top', 'attend'),
    inputFeeding: flag(given.inputFeeding, false, 'inputFeeding'),
    deepOutput: flag(given.deepOutput, false, 'deepOutput'),
    sharedEmbedding: flag(given.sharedEmbedding, false, 'sharedEmbedding'),
    layerNorm: flag(given.layerNorm, false, 'layerNorm'),
    dropout: rate(given.dropout, 'dropout'),
    betweenDropout: rate(given.betweenDropout, 'betweenDropout'),
    outputDropout: rate(given.outputDropout, 'outputDropout'),
    embeddingDropout: rate(given.embeddingDropout, 'embeddingDropout'),
    recurrentDropout: rate(given.recurrentDropout, 'recurrentDropout'),
    weightDropout: rate(given.weightDropout, 'weightDropout'),
    variational: flag(given.variational, true, 'variational'),
    seed: seedOf(given.seed),
  };
}
