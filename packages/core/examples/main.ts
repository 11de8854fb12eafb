import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected, nearestName } from '@cadenza/core';
import { forecastPage, forecastSeries } from './forecast.js';
import { gradientFlowPage, measureGradientFlow } from './gradientFlow.js';
import { compareMemories, longMemoryPage } from './longMemory.js';
import { renderPage, renderTable, type Page } from './page.js';

type Run = (seed: number, log: (line: string) => void) => Promise<Page>;

const examples: Record<string, Run> = {
  gradientFlow: async (seed) => gradientFlowPage(measureGradientFlow({ seed })),
  longMemory: async (seed, log) => longMemoryPage(compareMemories({ seed, log }), 200),
  forecast: async (seed, log) => forecastPage(await forecastSeries({ seed, log })),
};

const usage = `Usage: npm run example -w @cadenza/core -- ${Object.keys(examples).join('|')} [--out FILE] [--seed N]
       [--import MODULE --backend NAME]   another backend: the module that brings it, and its name`;

/** What a module that brings backends may offer; core itself knows none. */
interface BackendModule {
  selectBackend?: (name: string) => Promise<unknown>;
}

async function useBackend(module: string | undefined, backend: string | undefined): Promise<void> {
  const brought = module === undefined ? {} : ((await import(module)) as BackendModule);
  if (brought.selectBackend) await brought.selectBackend(backend ?? 'auto');
  else await tf.setBackend(backend ?? 'cpu');
}

/** Runs one example: the table to standard output, the picture to a file. */
export async function main(argv: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      seed: { type: 'string', default: '1' },
      import: { type: 'string' },
      backend: { type: 'string' },
    },
  });
  const [name] = positionals;
  if (name === undefined) throw new ConfigError(usage);
  if (!Object.hasOwn(examples, name)) {
    throw new ConfigError(
      `${expected('the example', Object.keys(examples).join(' or '), name)}; did you mean ${nearestName(name, Object.keys(examples))}?`,
    );
  }
  await useBackend(values.import, values.backend);
  const page = await examples[name](Number(values.seed), (line) => console.error(line));
  const out = resolve(values.out ?? `build/${name}.html`);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, renderPage(page));
  console.log(renderTable(page.table));
  console.error(`picture: ${out}`);
}

if (process.argv[1] === import.meta.filename) {
  main(process.argv.slice(2)).catch((error: Error) => {
    console.error(error.message);
    process.exitCode = error instanceof ConfigError ? 2 : 1;
  });
}
