import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addConfigFlags, configFromFlags, type Values } from '@cadenza/cli';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { hasSlowBudget, presetNames, resolveConfig } from '../src/config.js';
import { configFlags } from '../src/flags.js';

/** The values of flags as they are given. */
function flagValues(...args: string[]): Values {
  const verb = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addConfigFlags(verb, configFlags);
  return configFromFlags(verb.parse(args, { from: 'user' }).opts(), configFlags);
}

describe('resolveConfig', () => {
  it('accepts every preset, also with its budget for a slow backend', () => {
    expect(presetNames()).toEqual(expect.arrayContaining(['default', 'multi30k', 'tiny']));
    for (const preset of presetNames()) {
      expect(resolveConfig({ preset, reducedBudget: hasSlowBudget(preset) }).model.embeddingSize).toBeGreaterThan(0);
    }
    expect(resolveConfig({ reducedBudget: true }).training.maxSteps).toBeLessThan(resolveConfig({}).training.maxSteps!);
  });

  it('lets flags win over the preset, and --set over flags', () => {
    const given = flagValues('--decoder-units', '7', '--merges', '0', '--coverage', '--target-language', 'fr');
    const config = resolveConfig({ preset: 'tiny', flags: given, assignments: ['decoder.units=9'] });
    expect(config.model.decoder).toMatchObject({ units: 9, coverage: true });
    expect(config).toMatchObject({ text: { merges: 0 }, languages: { source: null, target: 'fr' } });
  });

  it('takes lines and network of a run to begin from, where no preset is named', () => {
    const start = resolveConfig({ preset: 'tiny', assignments: ['decoder.units=9', 'merges=17', 'learningRate=0.5'] });
    const config = resolveConfig({ start, assignments: ['dropout.output=0.2'] });
    expect(config).toMatchObject({ text: { merges: 17 }, model: { decoder: { units: 9 }, dropout: { output: 0.2 } } });
    expect(config.training).toEqual(resolveConfig({}).training);
    expect(resolveConfig({ preset: 'tiny', start })).toEqual(resolveConfig({ preset: 'tiny' }));
  });

  it('lays a file over the run to begin from', () => {
    const start = resolveConfig({ preset: 'tiny', assignments: ['merges=17'] });
    const folder = mkdtempSync(join(tmpdir(), 'cadenza-config-'));
    try {
      const file = join(folder, 'more.json');
      writeFileSync(file, '{"model": {"decoder": {"units": 9}}}');
      const { text, model } = resolveConfig({ start, file });
      expect([text.merges, model.decoder.units, model.encoder.units]).toEqual([17, 9, start.model.encoder.units]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [['shareEmbeddings=true', 'text.vocabulary=separate'], /Expected text\.vocabulary to be shared/],
    [['casing=true'], /Expected text\.tokenization to be word with text\.casing true, got none/],
    [['coverageLoss=1'], /Expected model\.decoder\.coverage with training\.coverageLoss above 0, got false/],
    [['consistency=1'], /Expected a model\.dropout of .* to be above 0 with training\.consistency, got only 0/],
    [['heads=5'], /Expected model\.decoder\.heads to be a divisor of \d+, got 5/],
    [['heads=2', 'score=dot'], /Expected model\.decoder\.heads to be 1 for the score dot, got 2/],
    [['consistency=-1', 'dropout.output=0.1'], /Expected training\.consistency to be at least 0, got -1/],
    ...['english!', 'en-1', 'abcd-', 'de-x'].map((tag): [string[], RegExp] => [
      [`languages.source=${tag}`],
      /Expected languages\.source to be a language tag such as en or pt-BR, got "/,
    ]),
    [['labelSmoothing=1'], /Expected training\.labelSmoothing to be less than 1, got 1/],
    [['decoder.score=addditive'], /Expected model\.decoder\.score to be one of .* did you mean additive\?/],
  ])('refuses %j', (assignments, message) => {
    expect(() => resolveConfig({ preset: 'tiny', assignments })).toThrow(message);
  });
});
