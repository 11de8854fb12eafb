/** Everything of core that needs no files and nothing of Node, for browsers: `@cadenza/core/browser`. */
export * from './errors.js';
export { editDistance, nearestName, refuseUnknown } from './options.js';
export * from './random.js';
export * from './shapes.js';
export * from './utf8.js';
export * as initializers from './initializers.js';
export { initialize, initializerNames, unfilled, type InitializerName } from './initializers.js';
export * from './ops/index.js';
export * from './layers/index.js';
export * from './models/index.js';
export * from './training/portable.js';
export * from './decoding/index.js';
export * from './evaluation/index.js';
