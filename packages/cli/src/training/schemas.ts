import { z } from 'zod';

/** A rate of [0, 1). */
export const fraction = z.number().min(0).lt(1);
export const count = z.int().positive();
export const optionalCount = count.nullable().default(null);

/** The seed of everything random. */
export const seedSchema = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .default(1);
export const precisionSchema = z.enum(['f32', 'bf16']).default('f32');

/** The learning rate's course; what a schedule does not know is refused when it is set. See core's `createSchedule`. */
export const scheduleSchema = z.strictObject({
  name: z.enum(['constant', 'step', 'exponential', 'cosine', 'plateau']).default('cosine'),
  /** Steps over which the rate rises from 0. */
  warmupSteps: z.int().min(0).default(0),
  /** cosine: the step at which the rate is lowest; null is the planned end of the run. */
  steps: optionalCount,
  /** cosine: what is left of the rate there. */
  finalFraction: z.number().min(0).max(1).nullable().default(null),
  /** step, exponential: steps until the rate is multiplied by `factor` (once more). */
  every: optionalCount,
  /** step, exponential, plateau. */
  factor: z.number().gt(0).max(1).nullable().default(null),
  /** plateau: validations without improvement to wait for. */
  patience: z.int().min(0).nullable().default(null),
});

/** null is the optimizer's own default; what an optimizer does not know is refused when it is set. */
export const optimizerSchema = z.strictObject({
  name: z.enum(['adam', 'adamw', 'sgd', 'rmsprop']).default('adam'),
  beta1: fraction.nullable().default(null),
  beta2: fraction.nullable().default(null),
  epsilon: z.number().positive().nullable().default(null),
  /** adamw */
  weightDecay: z.number().min(0).nullable().default(null),
  /** sgd, rmsprop */
  momentum: fraction.nullable().default(null),
  /** sgd */
  nesterov: z.boolean().nullable().default(null),
  /** rmsprop: the part of the mean of squares that stays. */
  decay: fraction.nullable().default(null),
});

/** What every training is configured by: how long it goes on and how weights are updated. Parts of an object's shape. */
export const learningShape = {
  epochs: z.number().positive().default(10),
  maxSteps: optionalCount,
  maxMinutes: z.number().positive().nullable().default(null),
  learningRate: z.number().positive().default(0.002),
  schedule: scheduleSchema.prefault({}),
  optimizer: optimizerSchema.prefault({}),
  /** Largest global norm of the gradients; 0 is no limit. */
  clipNorm: z.number().min(0).default(1),
  /** Largest absolute value of a gradient; 0 is no limit. */
  clipValue: z.number().min(0).default(0),
  /** Decay of the averaged weights that are validated and used; 0 is none. */
  ema: fraction.default(0),
};

/** The resolved values of {@link learningShape}. */
export type LearningConfig = { [Key in keyof typeof learningShape]: z.output<(typeof learningShape)[Key]> };

/** What every training is watched by. */
export const watchingShape = {
  /** Steps between the lines of metrics.jsonl. */
  logSteps: count.default(20),
  /** Steps between validations; null is a twentieth of the run. */
  validationSteps: optionalCount,
  /** Validations without a new best before training stops; null goes on to the end. */
  patience: optionalCount,
  /** Steps between checkpoints; null is as often as validations. */
  checkpointSteps: optionalCount,
};
