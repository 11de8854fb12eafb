export * from './browser.js';
export * from './training/index.js';
