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
  ['--level <name>', 'text.level', ['character', 'word'], 'what a token is', 'Text'],
  [
    '--validation-fraction <number>',
    'text.validationFraction',
    'number',
    'last part of the text kept for validation',
    'Text',
  ],
  ['--cell <name>', 'model.cell', ['lstm', 'gru', 'rnn'], 'recurrent cell', 'Model'],
  ['--layers <number>', 'model.layers', 'count', 'recurrent layers', 'Model'],
  ['--hidden <number>', 'model.hiddenSize', 'count', 'units of each layer', 'Model'],
  ['--embedding <number>', 'model.embeddingSize', 'whole', 'size of the embedding; 0 is one-hot', 'Model'],
  ['--projection <number>', 'model.projectionSize', 'whole', 'size the LSTM state is projected to; 0 is none', 'Model'],
  ['--tie', 'model.tieWeights', 'switch', 'one matrix for embedding and output', 'Model'],
  ['--residual', 'model.residual', 'switch', 'add the input of each layer to its output', 'Model'],
  ['--skip-to-output', 'model.skipToOutput', 'switch', 'the output sees all layers', 'Model'],
  ['--layer-norm', 'model.layerNorm', 'switch', 'normalise inside the cells', 'Model'],
  ['--dropout-input <rate>', 'model.dropout.input', 'number', 'of the first layer’s input', 'Regularisation'],
  ['--dropout-between <rate>', 'model.dropout.between', 'number', 'between layers', 'Regularisation'],
  ['--dropout-output <rate>', 'model.dropout.output', 'number', 'before the output', 'Regularisation'],
  [
    '--dropout-recurrent <rate>',
    'model.dropout.recurrent',
    'number',
    'of the state, one mask a sequence',
    'Regularisation',
  ],
  ['--dropout-embedding <rate>', 'model.dropout.embedding', 'number', 'of whole tokens', 'Regularisation'],
  ['--dropout-weight <rate>', 'model.dropout.weight', 'number', 'of recurrent weights (DropConnect)', 'Regularisation'],
  ['--variational', 'model.variational', 'switch', 'one dropout mask for all steps', 'Regularisation'],
  ['--zoneout <rate>', 'model.zoneout.hidden', 'number', 'of units whose state keeps its value', 'Regularisation'],
  [
    '--zoneout-cell <rate>',
    'model.zoneout.cell',
    'number',
    'of units whose LSTM cell keeps its value',
    'Regularisation',
  ],
  ['--weight-decay <number>', 'training.optimizer.weightDecay', 'number', 'of adamw', 'Regularisation'],
  [
    '--reset-probability <number>',
    'training.resetProbability',
    'number',
    'of streams that forget, each step',
    'Regularisation',
  ],
  ['--batch <number>', 'training.batchSize', 'count', 'parallel streams', 'Training'],
  ['--sequence-length <number>', 'training.sequenceLength', 'count', 'tokens of each stream in a step', 'Training'],
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
