import { mkdtempSync, writeFileSync } from 'node:fs';
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
    expect(presetNames()).toEqual(['default', 'shakespeare', 'tiny']);
    for (const preset of presetNames()) {
      expect(resolveConfig({ preset }).model.cell).toBe('lstm');
      resolveConfig({ preset, reducedBudget: true });
    }
    expect(hasSlowBudget('default')).toBe(true);
  });

  it('lets the file win over the preset, flags over the file and --set over flags', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'cadenza-config-')), 'mine.json');
    writeFileSync(file, '{"model": {"hiddenSize": 10, "layers": 3}, "seed": 5}');
    const config = resolveConfig({
      preset: 'shakespeare',
      file,
      flags: flagValues('--layers', '4', '--seed', '6'),
      assignments: ['seed=7', 'training.ema=0.5'],
    });
    const { dropout } = resolveConfig({ preset: 'shakespeare' }).model;
    expect(dropout.between).toBeGreaterThan(0);
    expect(config.model).toMatchObject({ hiddenSize: 10, layers: 4, dropout });
    expect(config.seed).toBe(7);
    expect(config.training.ema).toBe(0.5);
  });

  it('lets everything the user says win over the budget for a slow backend', () => {
    const slow = resolveConfig({ preset: 'default', reducedBudget: true });
    expect(slow.training.maxSteps).toBeLessThan(resolveConfig({ preset: 'default' }).training.maxSteps!);
    expect(resolveConfig({ reducedBudget: true, assignments: ['maxSteps=77'] }).training.maxSteps).toBe(77);
  });

  it.each([
    [{ preset: 'shakespear' }, 'Expected a known preset, got "shakespear"; did you mean shakespeare?'],
    [{ assignments: ['model.hiden=3'] }, 'Expected a known key in --set, got "model.hiden"; did you mean'],
    [{ assignments: ['hiddenSize=0'] }, 'Expected model.hiddenSize to be more than 0, got 0 (from --set)'],
    [{ assignments: ['tieWeights=true'] }, 'Expected model.embeddingSize above 0 with model.tieWeights'],
    [{ assignments: ['model.cell=gru', 'projectionSize=3'] }, 'only with model.cell lstm'],
    [{ assignments: ['dropout.embedding=0.1'] }, 'Expected model.embeddingSize above 0'],
    [{ assignments: ['maximumVocabulary=100'] }, 'only with text.level word'],
    [{ file: '/nowhere.json' }, 'nothing there: /nowhere.json'],
  ])('refuses %j', (sources, message) => {
    expect(() => resolveConfig(sources)).toThrow(message);
  });
});

describe('configFlags', () => {
  it('turns each flag into its value', () => {
    expect(
      flagValues('--cell', 'gru', '--tie', '--dropout-between', '0.2', '--zoneout', '0.1', '--clip', '0.5'),
    ).toEqual({
      model: { cell: 'gru', tieWeights: true, dropout: { between: 0.2 }, zoneout: { hidden: 0.1 } },
      training: { clipNorm: 0.5 },
    });
  });

  it('makes every flag a valid configuration', () => {
    const values = flagValues(
      ...'--level word --layers 1 --hidden 8 --embedding 8 --projection 0 --tie --residual --skip-to-output --layer-norm'.split(
        ' ',
      ),
      ...'--dropout-input 0.1 --dropout-output 0.1 --dropout-recurrent 0.1 --dropout-embedding 0.1'.split(' '),
      ...'--dropout-weight 0.1 --variational --weight-decay 0.01 --reset-probability 0.1 --batch 4'.split(' '),
      ...'--sequence-length 8 --epochs 1.5 --max-steps 3 --max-minutes 0.5 --learning-rate 0.1 --schedule step'.split(
        ' ',
      ),
      ...'--warm-up 2 --optimizer sgd --clip-value 1 --ema 0.9 --seed 3 --validation-fraction 0.2'.split(' '),
    );
    expect(resolveConfig({ flags: values }).training).toMatchObject({
      epochs: 1.5,
      maxMinutes: 0.5,
      optimizer: { name: 'sgd' },
    });
  });
});
