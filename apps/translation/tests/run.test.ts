import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { resolveConfig } from '../src/config.js';
import { readRun, runFormat, vocabularyFile } from '../src/run.js';
import { prepared, smallConfig } from './pairs.js';

it('takes a run as it is whose languages are no tags, and goes on with it', () => {
  const languages = { source: 'cs_CZ_1', target: 'zh-yue' };
  const config = { ...smallConfig(), languages };
  const { codec } = prepared(config);
  const vocabulary = { source: codec.source.size, target: codec.target.size, fingerprint: codec.fingerprint };
  const directory = mkdtempSync(join(tmpdir(), 'cadenza-run-'));
  try {
    const description = { format: runFormat, version: 1, config, languages, data: {}, vocabulary };
    writeFileSync(join(directory, 'config.json'), JSON.stringify(description));
    writeFileSync(join(directory, vocabularyFile), JSON.stringify(codec));
    const { config: base } = readRun(directory);
    expect(base).toEqual(config);
    expect(resolveConfig({ base, assignments: ['maxSteps=20'] }).languages).toEqual(languages);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
