import { integerFrom, knownName, numberIn, refuseUnknown } from '../options.js';
import type { Json } from './json.js';
import { Plateau, type PlateauOptions, type PlateauState } from './plateau.js';

interface BaseOptions {
  /** The rate at the start, after the warm-up. */
  learningRate: number;
  /** Steps over which the rate grows linearly to `learningRate`: 0 when absent. */
  warmupSteps?: number;
}

/** The same rate at every step. */
export interface ConstantScheduleOptions extends BaseOptions {
  name: 'constant';
}

/** lr * factor^floor(t / every) */
export interface StepScheduleOptions extends BaseOptions {
  name: 'step';
  every: number;
  factor: number;
}

/** lr * factor^(t / every): smooth where `step` jumps. */
export interface ExponentialScheduleOptions extends BaseOptions {
  name: 'exponential';
  /** 1 when absent */
  every?: number;
  factor: number;
}

/** lr * (f + (1 - f) (1 + cos(pi t / T)) / 2), f the final fraction (Loshchilov and Hutter 2017, equation 5, no restart). */
export interface CosineScheduleOptions extends BaseOptions {
  name: 'cosine';
  /** The step at which the rate is lowest, the warm-up included; it stays there afterwards. */
  steps: number;
  /** 0 when absent */
  finalFraction?: number;
}

/** The rate falls when validation no longer improves. */
export interface PlateauScheduleOptions extends BaseOptions, PlateauOptions {
  name: 'plateau';
}

export type ScheduleOptions =
  | ConstantScheduleOptions
  | StepScheduleOptions
  | ExponentialScheduleOptions
  | CosineScheduleOptions
  | PlateauScheduleOptions;

/** A learning rate for every step; only `plateau` has a state, and hears of validations. */
export interface Schedule {
  /** The rate of the update with this number, from 0. */
  rate(step: number): number;
  /** Takes a validation's value, of which smaller is better. */
  observe(value: number): void;
  state(): Json;
  restore(state: Json): void;
}

const knownOptions: Record<ScheduleOptions['name'], readonly string[]> = {
  constant: [],
  step: ['every', 'factor'],
  exponential: ['every', 'factor'],
  cosine: ['steps', 'finalFraction'],
  plateau: ['factor', 'patience', 'threshold', 'cooldown', 'minimum'],
};

/**
 * Makes a schedule. With t steps since the end of a warm-up of W steps, the rate follows the named curve at t; during it, it is
 * `curve(0) (step + 1) / (W + 1)`, a straight line that meets the curve at step W.
 */
export function createSchedule(options: ScheduleOptions): Schedule {
  const name = knownName(options.name, Object.keys(knownOptions) as ScheduleOptions['name'][], 'schedule.name');
  refuseUnknown(`the ${name} schedule`, options, ['name', 'learningRate', 'warmupSteps', ...knownOptions[name]]);
  numberIn(options.learningRate, '(0,Infinity)', 'schedule.learningRate');
  const warmup = integerFrom(0, options.warmupSteps ?? 0, 'schedule.warmupSteps');
  let plateau: Plateau | undefined;
  let factor: (t: number) => number;
  if (options.name === 'plateau') {
    const falling = (plateau = new Plateau(options));
    factor = () => falling.factor(options.learningRate);
  } else {
    factor = curve(options, warmup);
  }
  return {
    rate: (step) =>
      options.learningRate * (step < warmup ? (factor(0) * (step + 1)) / (warmup + 1) : factor(step - warmup)),
    observe: (value) => plateau?.observe(value),
    state: () => (plateau ? { ...plateau.state() } : null),
    restore: (state) => plateau?.restore(state as unknown as PlateauState),
  };
}

/** The fraction of the learning rate that holds t steps after the warm-up. */
function curve(options: Exclude<ScheduleOptions, PlateauScheduleOptions>, warmup: number): (t: number) => number {
  switch (options.name) {
    case 'constant':
      return () => 1;
    case 'step': {
      const factor = numberIn(options.factor, '(0,1]', 'schedule.factor');
      const every = integerFrom(1, options.every, 'schedule.every');
      return (t) => factor ** Math.floor(t / every);
    }
    case 'exponential': {
      const factor = numberIn(options.factor, '(0,1]', 'schedule.factor');
      const every = integerFrom(1, options.every ?? 1, 'schedule.every');
      return (t) => factor ** (t / every);
    }
    case 'cosine': {
      const steps = integerFrom(warmup + 1, options.steps, 'schedule.steps') - warmup;
      const final = numberIn(options.finalFraction ?? 0, '[0,1]', 'schedule.finalFraction');
      return (t) => final + ((1 - final) * (1 + Math.cos((Math.PI * Math.min(t, steps)) / steps))) / 2;
    }
  }
}
