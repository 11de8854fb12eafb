export {
  clipOptions,
  optimizerOptions,
  plannedSteps,
  resolveAutomatic,
  scheduleOptions,
  trainerOptions,
  type TrainingPlace,
} from './recipe.js';
export {
  count,
  fraction,
  learningShape,
  optimizerSchema,
  optionalCount,
  precisionSchema,
  scheduleSchema,
  seedSchema,
  watchingShape,
  type LearningConfig,
} from './schemas.js';
export { trainInFolder, type FolderTraining } from './trainInFolder.js';
export {
  addTrainOptions,
  planTraining,
  settleTraining,
  type PlannedTraining,
  type SettledTraining,
  type TrainOptions,
  type TrainVerb,
} from './trainVerb.js';
export {
  trainingDisplay,
  type DisplayedPlan,
  type DisplayedValidation,
  type TrainingDisplay,
} from './trainingDisplay.js';
export { writeTrainingReport, type RunReport } from './writeTrainingReport.js';
