import { ConfigError, expected } from '../errors.js';
import { integerFrom, knownName, numberIn, refuseUnknown } from '../options.js';
import { checkClip } from './clipping.js';
import type { TrainerOptions } from './trainerOptions.js';

const known: readonly (keyof TrainerOptions<unknown>)[] = [
  ...([
    'parameters',
    'loss',
    'source',
    'random',
    'optimizer',
    'schedule',
    'initialCarry',
    'clip',
    'average',
    'guard',
  ] as const),
  ...([
    'accumulate',
    'tokens',
    'validation',
    'sampling',
    'earlyStopping',
    'run',
    'config',
    'checkpoints',
    'log',
  ] as const),
  ...(['maxSteps', 'maxMinutes', 'signal', 'hooks', 'fileSystem'] as const),
];

/** Checks what the parts of a trainer do not check themselves. */
export function checkTrainerOptions<Batch>(options: TrainerOptions<Batch>): void {
  refuseUnknown('Trainer', options, known);
  const { parameters, validation, sampling, earlyStopping, checkpoints, log } = options;
  if (parameters.size === 0) throw new ConfigError('Expected parameters to hold at least one variable, got none');
  if (options.clip) checkClip(options.clip);
  integerFrom(1, options.accumulate ?? 1, 'accumulate');
  if (options.maxSteps !== undefined) integerFrom(0, options.maxSteps, 'maxSteps');
  if (options.maxMinutes !== undefined) numberIn(options.maxMinutes, '[0,Infinity)', 'maxMinutes');
  if (validation) {
    refuseUnknown('validation', validation, ['every', 'run', 'metric', 'goal']);
    integerFrom(1, validation.every, 'validation.every');
    knownName(validation.goal ?? 'minimum', ['minimum', 'maximum'], 'validation.goal');
  } else if (earlyStopping) {
    throw new ConfigError('Expected validation to be given with earlyStopping, got none: there is nothing to watch');
  } else if ('name' in options.schedule && options.schedule.name === 'plateau') {
    throw new ConfigError(
      'Expected validation to be given with the plateau schedule, got none: there is nothing to watch',
    );
  }
  if (sampling) {
    refuseUnknown('sampling', sampling, ['every', 'run']);
    integerFrom(1, sampling.every, 'sampling.every');
  }
  if (checkpoints) {
    refuseUnknown('checkpoints', checkpoints, ['everySteps', 'everySeconds', 'keep']);
    if (options.run === undefined)
      throw new ConfigError(expected('run', 'a folder where checkpoints are asked for', undefined));
    if (checkpoints.everySteps !== undefined) integerFrom(1, checkpoints.everySteps, 'checkpoints.everySteps');
    if (checkpoints.everySeconds !== undefined)
      numberIn(checkpoints.everySeconds, '[0,Infinity)', 'checkpoints.everySeconds');
    integerFrom(1, checkpoints.keep ?? 2, 'checkpoints.keep');
  }
  if (log) {
    refuseUnknown('log', log, ['every', 'tensorboard']);
    integerFrom(1, log.every ?? 10, 'log.every');
  }
}
