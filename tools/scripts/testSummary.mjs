import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readJson, workspaceRoot } from './workspace.mjs';

/** The least line coverage, in percent, of the projects that must have one. */
export const coverageFloors = /** @type {Record<string, number>} */ ({ core: 90 });

/**
 * @typedef {{ passed: number, failed: number, skipped: number, failures: string[] }} Counts
 * @typedef {{ covered: number, total: number, percent: number }} Coverage
 * @typedef {{ projectName: string, target: string, status: number }} Task
 */

/**
 * Counts a Vitest JSON report. A file that could not even be loaded has no tests, so it counts as one failure.
 *
 * @param {any} report
 * @returns {Counts}
 */
export function countReport(report, root = workspaceRoot) {
  const counts = /** @type {Counts} */ ({ passed: 0, failed: 0, skipped: 0, failures: [] });
  for (const file of report.testResults) {
    const name = relative(root, file.name);
    let failedHere = 0;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed++;
      else if (test.status === 'failed') {
        failedHere++;
        counts.failures.push(`${name}: ${test.fullName.trim()}`);
      } else counts.skipped++;
    }
    if (failedHere === 0 && file.status === 'failed') {
      failedHere = 1;
      counts.failures.push(`${name}: ${firstLine(file.message) || 'the file failed'}`);
    }
    counts.failed += failedHere;
  }
  return counts;
}

/** @param {string | undefined} text */
function firstLine(text) {
  return (text ?? '').trim().split('\n')[0] ?? '';
}

/**
 * Reads the reports of one kind (`unit`, `e2e`) of all projects; a project without one is left out.
 *
 * @param {{ name: string, folder: string }[]} projects
 * @param {string} kind
 */
export function readReports(projects, kind) {
  return projects.flatMap(({ name, folder }) => {
    const file = join(folder, 'reports', `${kind}.json`);
    return existsSync(file) ? [{ name, kind, counts: countReport(readJson(file)) }] : [];
  });
}

/**
 * Reads the line coverage that the unit tests of each project measured of its own `src/`.
 *
 * @param {{ name: string, folder: string }[]} projects
 * @returns {{ name: string, lines: Coverage }[]}
 */
export function readCoverage(projects) {
  return projects.flatMap(({ name, folder }) => {
    const file = join(folder, 'reports', 'coverage-unit', 'coverage-summary.json');
    if (!existsSync(file)) return [];
    const { covered, total } = readJson(file).total.lines;
    return [{ name, lines: { covered, total, percent: total === 0 ? 100 : (100 * covered) / total } }];
  });
}

/**
 * Failures that no test report tells of: a task that failed though its report (if it has one) shows no failure, a test
 * task that wrote no report, and coverage below its floor.
 *
 * @param {{ tasks: Task[], reports: { name: string, kind: string, counts: Counts }[],
 *   coverage: { name: string, lines: Coverage }[], projects: { name: string }[] }} found
 * @returns {string[]}
 */
export function otherFailures({ tasks, reports, coverage, projects }) {
  const failures = [];
  for (const { projectName, target, status } of tasks) {
    const kind = target === 'test' ? 'unit' : target;
    const report = reports.find((each) => each.name === projectName && each.kind === kind);
    if (status === 0) {
      if (['unit', 'e2e'].includes(kind) && !report) failures.push(`${projectName}:${target} wrote no report`);
    } else if (!report || report.counts.failed === 0) failures.push(`${projectName}:${target} failed`);
  }
  for (const { name } of projects) {
    const floor = coverageFloors[name];
    if (floor === undefined) continue;
    const lines = coverage.find((row) => row.name === name)?.lines;
    if (!lines) failures.push(`${name} has no coverage report`);
    else if (lines.percent < floor) {
      failures.push(`${name} has ${lines.percent.toFixed(1)} % of its lines covered, expected at least ${floor} %`);
    }
  }
  return failures;
}

/**
 * The closing summary, its last line alone `N passed, N failed`.
 *
 * @param {{ reports: { name: string, kind: string, counts: Counts }[],
 *   coverage: { name: string, lines: Coverage }[], others: string[], seconds: number }} found
 */
export function formatSummary({ reports, coverage, others, seconds }) {
  const rows = reports.map(({ name, kind, counts }) => [
    name,
    kind,
    `${counts.passed}`,
    `${counts.failed}`,
    `${counts.skipped}`,
  ]);
  const lines = [''];
  if (rows.length > 0) lines.push(...table([['project', 'tests', 'passed', 'failed', 'skipped'], ...rows]), '');
  if (coverage.length > 0) {
    const total = coverage.reduce((sum, row) => sum + row.lines.total, 0);
    const covered = coverage.reduce((sum, row) => sum + row.lines.covered, 0);
    const all = { name: 'all', lines: { covered, total, percent: total === 0 ? 100 : (100 * covered) / total } };
    const coverageRows = [...coverage, all].map((row) => [
      row.name,
      `${row.lines.covered}`,
      `${row.lines.total}`,
      `${row.lines.percent.toFixed(1)} %`,
    ]);
    lines.push(...table([['line coverage', 'covered', 'lines', 'share'], ...coverageRows]), '');
  }
  const failures = [...reports.flatMap(({ counts }) => counts.failures), ...others];
  if (failures.length > 0) lines.push('failures:', ...failures.map((failure) => `  ${failure}`), '');
  const passed = reports.reduce((sum, { counts }) => sum + counts.passed, 0);
  lines.push(`took ${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`, '');
  lines.push(`${passed} passed, ${failures.length} failed`);
  return { text: lines.join('\n'), failed: failures.length };
}

/**
 * Columns under their heads: the first ones to the left, numbers to the right.
 *
 * @param {string[][]} rows
 */
function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const isNumber = (rows[0] ?? []).map((_, column) => rows.slice(1).every((row) => /^[\d.]/.test(row[column] ?? '')));
  return rows.map((row) =>
    row
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
