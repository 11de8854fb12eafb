import {
  addConfigFlags as addFlags,
  configFromFlags as valuesOf,
  learningFlags,
  type ConfigFlag,
  type Values,
} from '@cadenza/cli';
import type { Command } from 'commander';

/** The flags of `train` that stand for a configuration value. */
const configFlags: readonly ConfigFlag[] = [
  ['--source-language <tag>', 'languages.source', 'text', 'such as en or pt-BR', 'Text'],
  ['--target-language <tag>', 'languages.target', 'text', 'such as en or pt-BR', 'Text'],
  ['--tokenization <name>', 'text.tokenization', ['none', 'word'], 'how lines are cut into words', 'Text'],
  ['--casing <name>', 'text.casing', ['none', 'lower', 'true'], 'what becomes of capitals', 'Text'],
  ['--merges <number>', 'text.merges', 'whole', 'of the byte-pair encoding', 'Text'],
  ['--merge-dropout <rate>', 'text.mergeDropout', 'number', 'of merges, drawn anew in each epoch', 'Text'],
  ['--vocabulary <name>', 'text.vocabulary', ['shared', 'separate'], 'of the two sides', 'Text'],
  ['--embedding <number>', 'model.embeddingSize', 'count', 'size of a token’s vector', 'Model'],
  ['--encoder-units <number>', 'model.encoder.units', 'count', 'of each direction and layer', 'Model'],
  ['--encoder-layers <number>', 'model.encoder.layers', 'count', 'of the encoder', 'Model'],
  ['--decoder-units <number>', 'model.decoder.units', 'count', 'of each layer', 'Model'],
  ['--decoder-layers <number>', 'model.decoder.layers', 'count', 'of the decoder', 'Model'],
  [
    '--attention <name>',
    'model.decoder.score',
    ['dot', 'scaledDot', 'multiplicative', 'additive', 'none'],
    'how decoder and source are compared',
    'Model',
  ],
  ['--input-feeding', 'model.decoder.inputFeeding', 'switch', 'the decoder reads its last readout too', 'Model'],
  ['--coverage', 'model.decoder.coverage', 'switch', 'attention sees what it attended to', 'Model'],
  ['--share-embeddings', 'model.shareEmbeddings', 'switch', 'one embedding for both sides', 'Model'],
  ['--tie', 'model.tieWeights', 'switch', 'one matrix for target embedding and output', 'Model'],
  ['--layer-norm', 'model.layerNorm', 'switch', 'normalise inside the cells', 'Model'],
  ['--dropout-embedding <rate>', 'model.dropout.embedding', 'number', 'of whole tokens', 'Regularisation'],
  ['--dropout-input <rate>', 'model.dropout.input', 'number', 'of embedded tokens', 'Regularisation'],
  ['--dropout-context <rate>', 'model.dropout.context', 'number', 'of the encoder’s outputs', 'Regularisation'],
  ['--dropout-between <rate>', 'model.dropout.between', 'number', 'between layers', 'Regularisation'],
  ['--dropout-output <rate>', 'model.dropout.output', 'number', 'of the readout', 'Regularisation'],
  ['--dropout-recurrent <rate>', 'model.dropout.recurrent', 'number', 'of the state', 'Regularisation'],
  ['--dropout-weight <rate>', 'model.dropout.weight', 'number', 'of recurrent weights', 'Regularisation'],
  ['--variational', 'model.variational', 'switch', 'one dropout mask for all steps', 'Regularisation'],
  ['--label-smoothing <number>', 'training.labelSmoothing', 'number', 'probability for all tokens', 'Regularisation'],
  ['--weight-decay <number>', 'training.optimizer.weightDecay', 'number', 'of adamw', 'Regularisation'],
  ['--scheduled-sampling <rate>', 'training.scheduledSampling', 'number', 'of target tokens', 'Regularisation'],
  [
    '--consistency <number>',
    'training.consistency',
    'number',
    'weight of R-Drop, of two predictions',
    'Regularisation',
  ],
  ['--coverage-loss <number>', 'training.coverageLoss', 'number', 'its weight', 'Regularisation'],
  ['--batch-tokens <number>', 'training.batchTokens', 'count', 'tokens of a batch, padding included', 'Training'],
  ['--batch <number>', 'training.batchPairs', 'count', 'most pairs of a batch', 'Training'],
  ['--patience <number>', 'monitoring.patience', 'count', 'validations without a new best to wait for', 'Training'],
  ...learningFlags,
];

/** Gives `train` the flags above. */
export function addConfigFlags(verb: Command): void {
  addFlags(verb, configFlags);
}

/** The configuration values that were given as flags; `--precision`, a common flag, is one of them. */
export function configFromFlags(options: Record<string, unknown>): Values {
  return valuesOf(options, configFlags);
}
