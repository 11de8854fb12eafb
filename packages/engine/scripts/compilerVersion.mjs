/** Prints which compiler the build would use: Nx takes it for an input, so that a new compiler is not met by an old cache. */
import { findCompiler } from './compiler.mjs';

console.log((await findCompiler())?.version ?? 'none');
