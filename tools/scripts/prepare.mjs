/**
 * Runs at the end of `npm ci` and `npm install`, so that the commands work at once. It never fails the installation:
 * after `--ignore-scripts`, or with a source that does not compile, `npm start` and `npm test` build later.
 */
import { buildAll } from './build.mjs';

try {
  if (!(await buildAll())) console.log('prepare: not everything was built; npm run build shows why');
} catch (error) {
  console.log(`prepare: nothing was built: ${error instanceof Error ? error.message : error}`);
}
