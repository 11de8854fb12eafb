/** The parts of training that touch no file and need nothing of Node: they run in a browser too. */
export { clipByValue, clipFactor, type ClipOptions } from './clipping.js';
export { EarlyStopping, type EarlyStoppingOptions } from './earlyStopping.js';
export type { Json } from './json.js';
export { NonFiniteGuard, type GuardOptions } from './nonFiniteGuard.js';
export { Adam, type AdamOptions, type AdamWOptions } from './optimizers/adam.js';
export { createOptimizer, type OptimizerOptions } from './optimizers/createOptimizer.js';
export type { Optimizer, UpdateOptions } from './optimizers/optimizer.js';
export { RmsProp, type RmsPropOptions } from './optimizers/rmsProp.js';
export { Sgd, type SgdOptions } from './optimizers/sgd.js';
export { decodeSafetensors, encodeSafetensors, type Safetensors } from './safetensors.js';
export { createSchedule, type Schedule, type ScheduleOptions } from './schedule.js';
export { assignWeights, makeTensor, readTensors, type StoredTensor, type TensorData } from './tensorData.js';
export type { Best, Metrics, Parameters, StopReason } from './trainingTypes.js';
export { WeightAverage, type AverageOptions } from './weightAverage.js';
