/**
 * What npm runs when this package is installed as a dependency of a project: builds the native kernels there. It never fails the
 * installation. In the repository itself, whose own scripts build, it does nothing.
 */
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const folders = fileURLToPath(import.meta.url).split(sep);
if (folders.includes('node_modules')) await import('./buildNative.mjs');
