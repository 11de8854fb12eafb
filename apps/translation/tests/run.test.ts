import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@cadenza/core';
import { expect, it } from 'vitest';
import { SentenceCodec } from '../src/codec.js';
import { resolveConfig } from '../src/config.js';
import { readRun, runFormat, vocabularyFile } from '../src/run.js';
import { smallConfig, tenPairs } from './pairs.js';

it('takes a run of an earlier version as it is, whose languages are no tags and which knows no heads, and goes on with it', () => {
  const languages = { source: 'cs_CZ_1', target: 'zh-yue' };
  const config = { ...smallConfig('text.tokenization=word'), languages };
  const codec = SentenceCodec.train(tenPairs, config, languages, new Random(1));
  const vocabulary = { source: codec.source.size, target: codec.target.size, fingerprint: codec.fingerprint };
  const directory = mkdtempSync(join(tmpdir(), 'cadenza-run-'));
  try {
    const { heads, ...decoder } = config.model.decoder;
    expect(heads).toBe(1);
    const saved = { ...config, model: { ...config.model, decoder } };
    const description = { format: runFormat, version: 1, config: saved, languages, data: {}, vocabulary };
    writeFileSync(join(directory, 'config.json'), JSON.stringify(description));
    writeFileSync(join(directory, vocabularyFile), JSON.stringify(codec));
    const { config: base } = readRun(directory);
    expect(base).toEqual(config);
    expect(resolveConfig({ base, assignments: ['maxSteps=20'] }).languages).toEqual(languages);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
