import {
  choice,
  finiteNumber,
  merge,
  nest,
  nonNegativeInteger,
  positiveInteger,
  valueAt,
  type Values,
} from '@cadenza/cli';
import { Option, type Command } from 'commander';

type Kind = 'count' | 'whole' | 'number' | 'switch' | readonly string[];

/** The flags of `train` that stand for a configuration value: the flag, the value's path, its kind, what it means. */
const configFlags: readonly (readonly [flags: string, path: string, kind: Kind, description: string, group: string])[] =
  [
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
    [
      '--projection <number>',
      'model.projectionSize',
      'whole',
      'size the LSTM state is projected to; 0 is none',
      'Model',
    ],
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
    [
      '--dropout-weight <rate>',
      'model.dropout.weight',
      'number',
      'of recurrent weights (DropConnect)',
      'Regularisation',
    ],
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
    ['--epochs <number>', 'training.epochs', 'number', 'passes over the text', 'Training'],
    ['--max-steps <number>', 'training.maxSteps', 'count', 'stop after so many steps', 'Training'],
    ['--max-minutes <number>', 'training.maxMinutes', 'number', 'stop after so many minutes', 'Training'],
    ['--learning-rate <number>', 'training.learningRate', 'number', 'largest', 'Training'],
    [
      '--schedule <name>',
      'training.schedule.name',
      ['constant', 'step', 'exponential', 'cosine', 'plateau'],
      'of the rate',
      'Training',
    ],
    ['--warm-up <steps>', 'training.schedule.warmupSteps', 'whole', 'steps in which the rate rises from 0', 'Training'],
    [
      '--optimizer <name>',
      'training.optimizer.name',
      ['adam', 'adamw', 'sgd', 'rmsprop'],
      'what updates the weights',
      'Training',
    ],
    ['--momentum <number>', 'training.optimizer.momentum', 'number', 'of sgd or rmsprop', 'Training'],
    ['--clip <norm>', 'training.clipNorm', 'number', 'largest global norm of the gradients; 0 is none', 'Training'],
    ['--clip-value <number>', 'training.clipValue', 'number', 'largest absolute gradient; 0 is none', 'Training'],
    ['--ema <decay>', 'training.ema', 'number', 'of the averaged weights; 0 is none', 'Training'],
    ['--seed <number>', 'seed', 'whole', 'of everything random', 'Training'],
  ];

/** Gives `train` the flags above. */
export function addConfigFlags(verb: Command): void {
  for (const [flags, , kind, description, group] of configFlags) {
    verb.addOption(flagOption(flags, kind, description).helpGroup(`${group}:`));
  }
}

function flagOption(flags: string, kind: Kind, description: string): Option {
  if (typeof kind !== 'string') return choice(flags, description, kind);
  const option = new Option(flags, description);
  if (kind === 'count') return option.argParser(positiveInteger);
  if (kind === 'whole') return option.argParser(nonNegativeInteger);
  return kind === 'number' ? option.argParser(finiteNumber) : option;
}

/** The configuration values that were given as flags; `--precision`, a common flag, is one of them. */
export function configFromFlags(options: Record<string, unknown>): Values {
  let values: Values = options.precision === undefined ? {} : { precision: options.precision };
  for (const [flags, path, kind, description] of configFlags) {
    const given = valueAt(options, [flagOption(flags, kind, description).attributeName()]);
    if (given !== undefined) values = merge(values, nest(path.split('.'), given));
  }
  return values;
}
