/**
 * `npm test`: lint, format, types, unit and end-to-end tests of every project through Nx, then a summary whose last line
 * is `N passed, N failed`. What did not change since it last passed comes from Nx's cache, reports included.
 *
 * Further arguments go to Nx: `npm test -- --projects=core` or `npm test -- --skip-nx-cache`.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatSummary, otherFailures, readCoverage, readReports } from './testSummary.mjs';
import { commandScript, projects, readJson, run, workspaceRoot } from './workspace.mjs';

const started = performance.now();
const startedAt = new Date();
const all = projects();

// A report of an earlier source must not be counted; Nx restores those that are still true.
for (const { folder } of all) rmSync(join(folder, 'reports'), { recursive: true, force: true });

const code = await run(process.execPath, [
  commandScript('nx'),
  'run-many',
  '--targets=lint,format,typecheck,test,e2e',
  '--parallel=2',
  '--outputStyle=static',
  '--nxBail=false',
  ...process.argv.slice(2),
]);

const reports = ['unit', 'e2e'].flatMap((kind) => readReports(all, kind));
const coverage = readCoverage(all);
const tested = all.filter(({ name }) => reports.some((report) => report.name === name && report.kind === 'unit'));
const others = otherFailures({ tasks: readTasks(), reports, coverage, projects: tested });
if (code !== 0 && others.length === 0 && reports.every(({ counts }) => counts.failed === 0)) {
  others.push(`nx ended with exit code ${code}`);
}
if (reports.length === 0) others.push('no test ran');

const summary = formatSummary({ reports, coverage, others, seconds: (performance.now() - started) / 1000 });
console.log(summary.text);
process.exitCode = summary.failed > 0 ? 1 : 0;

/** What Nx did in the run above, task by task. */
function readTasks() {
  const file = join(workspaceRoot, '.nx', 'cache', 'run.json');
  if (!existsSync(file)) return [];
  const record = readJson(file);
  return new Date(record.run.startTime) < startedAt ? [] : record.tasks;
}
