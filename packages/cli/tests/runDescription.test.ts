import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkSameValues, readRunDescription, startLeftovers, writeRunStart } from '../src/runDescription.js';

const description = {
  format: 'test',
  version: 1,
  versions: { cadenza: '0', tfjs: '0', node: '0' },
  created: '',
  backend: 'cpu',
  threads: 1,
  precision: 'f32' as const,
  reducedBudget: false,
  config: { seed: 1 },
  parameters: 3,
};

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'cadenza-run-'));
}

describe('readRunDescription', () => {
  it('reads what writeRunStart wrote', () => {
    const run = folder();
    writeRunStart(run, { 'vocabulary.json': ['a'] }, description);
    expect(readdirSync(run).sort()).toEqual(['config.json', 'vocabulary.json']);
    expect(readRunDescription(run, { format: 'test', parts: ['config'] })).toEqual(description);
  });

  it('refuses other formats, versions and files without a part', () => {
    const run = folder();
    const read = (): unknown => readRunDescription(run, { format: 'test', parts: ['config'] });
    expect(read).toThrow(/got one without config\.json/);
    const at = (path: string) => () => readRunDescription(path, { format: 'test', parts: [] });
    expect(at(join(run, 'nowhere'))).toThrow(/got nothing there: .*nowhere/);
    expect(at(import.meta.filename)).toThrow(/got a file: /);
    writeRunStart(run, {}, { ...description, format: 'other' });
    expect(read).toThrow(/Expected a run of test, version 1, got other, version 1/);
    writeRunStart(run, {}, { ...description, version: 2 });
    expect(read).toThrow(/got test, version 2/);
    writeFileSync(join(run, 'config.json'), JSON.stringify({ ...description, config: undefined }));
    expect(read).toThrow(/Expected config in .*config\.json, got a file without; it is damaged/);
  });
});

describe('startLeftovers', () => {
  it('are the files themselves and what a kill leaves while they are written', () => {
    expect(startLeftovers(['v.json'])).toEqual(['v.json', '.v.json.tmp', '.config.json.tmp']);
  });
});

describe('checkSameValues', () => {
  const schema = z.object({
    training: z.object({
      epochs: z.number(),
      rate: z.number(),
      schedule: z.object({ steps: z.number() }),
    }),
    monitoring: z.object({ logSteps: z.number(), criterion: z.string() }),
  });
  const own = {
    training: { epochs: 1, rate: 2, schedule: { steps: 5 } },
    monitoring: { logSteps: 3, criterion: 'wer' },
  };

  it('lets limits, the end of the schedule and monitoring differ, and nothing else, nor what chooses the best', () => {
    const { schedule } = own.training;
    const longer = { epochs: 9, rate: 2, schedule: { steps: 9 } };
    checkSameValues(schema, own, { training: longer, monitoring: { logSteps: 9, criterion: 'wer' } });
    expect(() => checkSameValues(schema, own, { ...own, training: { epochs: 1, rate: 9, schedule } })).toThrow(
      'Expected training.rate to stay 2 in a resumed run, got 9; start a new run for that',
    );
    const byLoss = { ...own, monitoring: { logSteps: 3, criterion: 'loss' } };
    expect(() => checkSameValues(schema, own, byLoss)).toThrow(
      'Expected monitoring.criterion to stay "wer" in a resumed run, got "loss"; start a new run for that',
    );
  });
});
