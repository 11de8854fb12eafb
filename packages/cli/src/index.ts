export {
  addVerb,
  choice,
  createProgram,
  finiteNumber,
  hypothesisCount,
  nonNegativeInteger,
  integerUpTo,
  positiveInteger,
  repeated,
  reportError,
  runProgram,
  type ActionContext,
  type CommonOptions,
  type ProgramOptions,
} from './command.js';
export {
  isFast,
  startChosenBackend,
  type BackendSelector,
  type BackendWishes,
  type StartedBackend,
} from './backend.js';
export { addConfigFlags, configFromFlags, learningFlags, type ConfigFlag, type FlagKind } from './configFlags.js';
export { parseAssignments, readJsonObject, resolveConfiguration, type Layer } from './configuration.js';
export { addDataVerbs, findDataPath } from './data/dataVerbs.js';
export { type DataFile, type DataSet } from './data/dataSet.js';
export { download } from './data/download.js';
export { exitCodeOf, exitCodes, messageOf } from './exitCodes.js';
export { watchInterrupts, type Interruption } from './interrupt.js';
export { checkOutputFile, checkOutputFolder, placeOfPage, writeOutputFile } from './outputFile.js';
export { createOutput, guardBrokenPipes, type Output, type OutputOptions } from './output.js';
export { createProgress, formatCount, formatDuration, type Progress, type ProgressOptions } from './progress.js';
export { Presets, type ConfigSources } from './presets.js';
export {
  defaultRunFolder,
  readRunDescription,
  runBase,
  startLeftovers,
  writeRunStart,
  type RunDescriptionBase,
} from './runDescription.js';
export { checkRunFolder, claimRun, isRun, type RunClaim, type RunFolderOptions } from './runFolder.js';
export { leafKeys } from './schema.js';
export { addServe, checkOrigin, type ServedModel, type ServeFlags, type ServeVerb } from './serveVerb.js';
export { plural } from '@cadenza/core';
export { nearest, suggestion } from './suggest.js';
export { formatTable } from './table.js';
export { isObject, merge, nest, valueAt, type Values } from './values.js';
export * from './training/index.js';
export * from './html/index.js';
