import { Option, type Command } from 'commander';
import { choice, finiteNumber, nonNegativeInteger, positiveInteger, repeated } from './command.js';
import { merge, nest, valueAt, type Values } from './values.js';

/** `count` is a positive integer, `whole` may be 0, `texts` may be given several times, a list holds the names to choose from. */
export type FlagKind = 'count' | 'whole' | 'number' | 'text' | 'texts' | 'switch' | readonly string[];

/** A flag of `train` that stands for a configuration value: the flag, the value's path, its kind, what it means. */
export type ConfigFlag = readonly [flags: string, path: string, kind: FlagKind, description: string, group: string];

/** The flags of how long a training goes on and how weights are updated, the same for every command. */
export const learningFlags: readonly ConfigFlag[] = [
  ['--epochs <number>', 'training.epochs', 'number', 'passes over the data', 'Training'],
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

/** Gives a verb these flags. */
export function addConfigFlags(verb: Command, configFlags: readonly ConfigFlag[]): void {
  for (const flag of configFlags) verb.addOption(flagOption(flag).helpGroup(`${flag[4]}:`));
}

function flagOption([flags, , kind, description]: ConfigFlag): Option {
  if (typeof kind !== 'string') return choice(flags, description, kind);
  const option = new Option(flags, description);
  if (kind === 'count') return option.argParser(positiveInteger);
  if (kind === 'texts') return option.argParser(repeated);
  if (kind === 'whole') return option.argParser(nonNegativeInteger);
  return kind === 'number' ? option.argParser(finiteNumber) : option;
}

/** The configuration values that were given as flags; `--precision`, a common flag, is one of them. */
export function configFromFlags(options: Record<string, unknown>, configFlags: readonly ConfigFlag[]): Values {
  let values: Values = options.precision === undefined ? {} : { precision: options.precision };
  for (const flag of configFlags) {
    const given = valueAt(options, [flagOption(flag).attributeName()]);
    if (given !== undefined) values = merge(values, nest(flag[1].split('.'), given));
  }
  return values;
}
