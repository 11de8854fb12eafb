export { createApi, limitBody, readBody, readQuery, type ApiOptions } from './api.js';
export { BusyError } from './busyError.js';
export { Gatherer, type Answer, type GathererLimits } from './gatherer.js';
export { serveUntilStopped } from './serve.js';
export { tryPage, type TryPage } from './tryPage.js';
export { markup } from '../html/html.js';
export { messageOf } from '../exitCodes.js';
export type { Context } from 'hono';
export { stream as streamBody, streamSSE as streamEvents } from 'hono/streaming';
