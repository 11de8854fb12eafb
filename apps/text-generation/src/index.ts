export {
  TextGenerator,
  TextSession,
  type ReadingPolicy,
  type SamplingOptions,
  type TokenScore,
} from './textGenerator.js';
export { openRun, readRun, type OpenRun, type RunDescription, type SavedRun } from './run.js';
export { resolveConfig, presetNames, type Config, type ConfigSources } from './config.js';
export { inspectModel, type Inspection, type InspectOptions } from './inspect.js';
export { renderInspectPage, type InspectPage } from './inspectPage.js';
