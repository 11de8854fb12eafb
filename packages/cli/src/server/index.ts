export { createApi, limitBody, readBody, type ApiOptions } from './api.js';
export { BusyError } from './busyError.js';
export { Gatherer, type Answer, type GathererLimits } from './gatherer.js';
export { serveUntilStopped } from './serve.js';
