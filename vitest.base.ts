import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const helper = (name: string): string => fileURLToPath(new URL(`tools/tests/${name}`, import.meta.url));

/**
 * The test settings every project shares: packages resolve to their TypeScript sources, a temporary folder that is removed at the
 * end, a test report for the closing summary, and line coverage of `src/`. CADENZA_TEST_BACKEND runs them on another backend than cpu.
 */
export function projectConfig(
  name: string,
  options: { include?: string[]; timeout?: number; coverage?: boolean } = {},
): ViteUserConfig {
  const report = options.include ? 'e2e' : 'unit';
  return defineConfig({
    resolve: { conditions: ['@cadenza/source'] },
    ssr: { resolve: { conditions: ['@cadenza/source', 'node', 'import', 'default'] } },
    test: {
      name,
      include: options.include ?? ['tests/**/*.test.ts'],
      testTimeout: options.timeout ?? 60_000,
      hookTimeout: 120_000,
      maxWorkers: 2,
      globalSetup: [helper('temporaryFolder.ts')],
      setupFiles: process.env.CADENZA_TEST_BACKEND ? [helper('testBackend.ts')] : [],
      reporters: ['default', ['json', { outputFile: `reports/${report}.json` }]],
      coverage: {
        enabled: options.coverage ?? !options.include,
        provider: 'v8',
        include: ['src/**/*.ts'],
        reporter: ['json-summary'],
        reportOnFailure: true,
        reportsDirectory: `reports/coverage-${report}`,
      },
    },
  });
}
