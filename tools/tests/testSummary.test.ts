import { describe, expect, it } from 'vitest';
import { countReport, formatSummary, otherFailures } from '../scripts/testSummary.mjs';

const report = (name: string, passed: number, failed = 0) => ({
  name,
  kind: 'unit',
  counts: { passed, failed, skipped: 0, failures: Array.from({ length: failed }, (_, i) => `${name} test ${i}`) },
});
const coverage = (name: string, covered: number, total: number) => ({
  name,
  lines: { covered, total, percent: (100 * covered) / total },
});

describe('countReport', () => {
  it('counts passed, failed and skipped tests and names the failed ones', () => {
    const counts = countReport(
      {
        testResults: [
          {
            name: '/house/packages/core/tests/a.test.ts',
            status: 'failed',
            assertionResults: [
              { status: 'passed', fullName: 'adds' },
              { status: 'failed', fullName: ' subtracts' },
              { status: 'skipped', fullName: 'divides' },
            ],
          },
        ],
      },
      '/house',
    );
    expect(counts).toEqual({
      passed: 1,
      failed: 1,
      skipped: 1,
      failures: ['packages/core/tests/a.test.ts: subtracts'],
    });
  });

  it('counts a file that could not be loaded as one failure', () => {
    const file = { name: '/house/b.test.ts', status: 'failed', message: 'Cannot find x\n at y', assertionResults: [] };
    const counts = countReport({ testResults: [file] }, '/house');
    expect(counts.failed).toBe(1);
    expect(counts.failures).toEqual(['b.test.ts: Cannot find x']);
  });
});

describe('otherFailures', () => {
  const tasks = [
    { projectName: 'core', target: 'lint', status: 1 },
    { projectName: 'core', target: 'test', status: 1 },
    { projectName: 'text', target: 'e2e', status: 1 },
    { projectName: 'text', target: 'test', status: 0 },
  ];

  it('names tasks that failed without a failed test, or tested without a report, and not those whose report tells it', () => {
    const failures = otherFailures({ tasks, reports: [report('core', 3, 1)], coverage: [], projects: [] });
    expect(failures).toEqual(['core:lint failed', 'text:e2e failed', 'text:test wrote no report']);
  });

  it('refuses less than 90 % of lines covered in core, and a missing report of it', () => {
    const found = { tasks: [], reports: [], projects: [{ name: 'core' }, { name: 'text' }] };
    expect(otherFailures({ ...found, coverage: [coverage('core', 899, 1000)] })).toEqual([
      'core has 89.9 % of its lines covered, expected at least 90 %',
    ]);
    expect(otherFailures({ ...found, coverage: [] })).toEqual(['core has no coverage report']);
    expect(otherFailures({ ...found, coverage: [coverage('core', 90, 100), coverage('text', 1, 100)] })).toEqual([]);
  });
});

describe('formatSummary', () => {
  it('ends with the passed and failed counts alone on the last line', () => {
    const { text, failed } = formatSummary({
      reports: [report('core', 30, 2), report('text', 12)],
      coverage: [coverage('core', 95, 100), coverage('text', 5, 100)],
      others: ['core:lint failed'],
      seconds: 61,
    });
    expect(text.split('\n').at(-1)).toBe('42 passed, 3 failed');
    expect(failed).toBe(3);
    expect(text).toContain('core                95    100  95.0 %');
    expect(text).toContain('all                100    200  50.0 %');
  });
});
