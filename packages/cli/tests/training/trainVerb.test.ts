import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import {
  addTrainOptions,
  createOutput,
  planTraining,
  Presets,
  precisionSchema,
  settleTraining,
  trainInFolder,
  trainingDisplay,
  type BackendWishes,
  type ConfigSources,
  type FolderTraining,
  type TrainOptions,
  type TrainVerb,
} from '../../src/index.js';
import { learningShape } from '../../src/training/schemas.js';

const schema = z.strictObject({
  precision: precisionSchema,
  units: z.int().positive().default(8),
  without: z.array(z.string()).default([]),
  language: z.string().nullable().default(null),
  training: z.object({ maxSteps: z.int().nullable().default(null) }).prefault({}),
  monitoring: z.object({ validationSteps: z.int().nullable().default(null) }).prefault({}),
});
type Config = z.output<typeof schema>;
interface Sources extends ConfigSources<Config> {
  start?: Config;
}
interface Saved {
  description: { backend: string; threads: number; precision: 'f32' | 'bf16'; reducedBudget: boolean };
  config: Config;
}

let folder: string;
let verb: TrainVerb<Config, Sources, Saved>;
const savedConfig = schema.parse({ precision: 'bf16', units: 5, language: 'en', monitoring: { validationSteps: 7 } });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cadenza-train-'));
  const presetFolder = join(folder, 'presets');
  mkdirSync(presetFolder);
  writeFileSync(join(presetFolder, 'default.json'), '{"units": 16, "slowBackend": {"units": 4}}');
  writeFileSync(join(presetFolder, 'wide.json'), '{"units": 64}');
  const presets = new Presets(presetFolder);
  verb = {
    name: 'counts',
    presetNames: () => presets.names(),
    flags: [
      ['--units <number>', 'units', 'count', 'of the layer', 'Model'],
      ['--without <name>', 'without', 'texts', 'what is left out', 'Data'],
    ],
    leftovers: ['words.json'],
    schema,
    resolveConfig: (sources) => presets.resolve(schema, sources),
    hasSlowBudget: (preset = 'default') => presets.hasSlowBudget(preset),
    readRun: () => ({
      description: { backend: 'native', threads: 3, precision: 'bf16', reducedBudget: true },
      config: savedConfig,
    }),
    filledIn: ['language'],
  };
});

function optionsOf(...args: string[]): TrainOptions {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addTrainOptions(command, verb);
  return { ...command.parse(args, { from: 'user' }).opts<TrainOptions>(), backend: 'auto' };
}

const quiet = createOutput({ quiet: true });

describe('planTraining', () => {
  it('resolves flags over a file over a preset, and keeps sources of its own', () => {
    writeFileSync(join(folder, 'mine.json'), '{"units": 3, "precision": "bf16"}');
    const options = optionsOf('--preset', 'wide', '--config', join(folder, 'mine.json'), '--without', 'a');
    const start = schema.parse({ units: 1 });
    const plan = planTraining(verb, options, { start });
    expect(plan.asked).toMatchObject({ precision: 'bf16', units: 3, without: ['a'] });
    expect(plan).toMatchObject({ resume: false, sources: { start } });
    expect(plan.saved).toBeUndefined();
    expect(plan.directory).toMatch(/\/runs\/counts-\d{8}-\d{6}$/);
    expect(planTraining(verb, optionsOf('--units', '7', '--without', 'a', '--without', 'b')).asked).toMatchObject({
      units: 7,
      without: ['a', 'b'],
    });
  });

  it('finds what is wrong before anything starts', () => {
    expect(() => planTraining(verb, optionsOf('--set', 'units=0'))).toThrow(/units to be .*got 0 \(from --set\)/);
    expect(() => planTraining(verb, optionsOf('--preset', 'wider'))).toThrow(/did you mean wide\?/);
    const run = join(folder, 'run');
    expect(() => planTraining(verb, optionsOf('--run', run, '--resume'))).toThrow(/got nothing there/);
    expect(() => planTraining(verb, optionsOf('--resume'))).toThrow(/^Expected --run beside --resume, got none$/);
    mkdirSync(run);
    writeFileSync(join(run, 'words.json'), '[]');
    expect(planTraining(verb, optionsOf('--run', run)).directory).toBe(run); // a leftover counts for nothing
    writeFileSync(join(run, 'config.json'), '{}');
    expect(() => planTraining(verb, optionsOf('--run', run))).toThrow(/add --resume/);
    expect(planTraining(verb, optionsOf('--run', run, '--resume')).saved?.config.units).toBe(5);
  });
});

describe('settleTraining', () => {
  const start = (name: string) => async (wishes: BackendWishes) => ({ name, threads: 1, ...wishes });

  it('takes the smaller budget for a slow backend, where the preset has one', async () => {
    const units = async (name: string, ...args: string[]) => {
      const settled = await settleTraining(verb, planTraining(verb, optionsOf(...args)), start(name), quiet);
      return [settled.config.units, settled.reducedBudget];
    };
    expect(await units('native')).toEqual([16, false]);
    expect(await units('cpu')).toEqual([4, true]);
    expect(await units('cpu', '--units', '9')).toEqual([9, true]);
    expect(await units('cpu', '--preset', 'wide')).toEqual([64, false]);
  });

  it('goes on as the run was computed', async () => {
    const run = join(folder, 'run');
    mkdirSync(run);
    writeFileSync(join(run, 'config.json'), '{}');
    const plan = planTraining(verb, optionsOf('--run', run, '--resume'));
    const settled = await settleTraining(verb, plan, start('native'), quiet);
    expect(settled).toMatchObject({ config: { units: 5 }, reducedBudget: true });
    expect(settled.backend).toMatchObject({ precision: 'bf16', resumed: { threads: 3 } });
  });
});

describe('planTraining of a run that goes on', () => {
  const resumed = (...args: string[]) => {
    const run = join(folder, 'run');
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'config.json'), '{}');
    return planTraining(verb, optionsOf('--run', run, '--resume', ...args));
  };

  it('takes other limits, and what the start of the run filled in', () => {
    expect(resumed().asked).toEqual(savedConfig);
    expect(resumed('--set', 'maxSteps=9').asked).toEqual({ ...savedConfig, training: { maxSteps: 9 } });
    // All of it said again: what was filled in is still the run's.
    const again = ['--preset', 'wide', '--units', '5', '--set', 'precision=bf16'];
    expect(resumed(...again).asked).toEqual(savedConfig);
    expect(resumed(...again, '--set', 'validationSteps=3').asked.monitoring.validationSteps).toBe(3);
  });

  it('lays a file over the configuration of the run, not over the preset', () => {
    const file = join(folder, 'more.json');
    writeFileSync(file, '{"training": {"maxSteps": 9}}');
    expect(resumed('--config', file).asked).toEqual({ ...savedConfig, training: { maxSteps: 9 } });
  });

  it('refuses another configuration', () => {
    const message = (key: string, before: string, now: string): string =>
      `Expected ${key} to stay ${before} in a resumed run, got ${now}; start a new run for that`;
    expect(() => resumed('--units', '6')).toThrow(message('units', '5', '6'));
    expect(() => resumed('--preset', 'wide')).toThrow(message('precision', '"bf16"', '"f32"'));
    expect(() => resumed('--set', 'language=de')).toThrow(message('language', '"en"', '"de"'));
  });

  it('judges what is asked for beside the run, not beside the preset', () => {
    const { resolveConfig } = verb;
    verb.resolveConfig = (sources) => {
      const config = resolveConfig(sources);
      if (config.units > 8) throw new Error('too many units');
      return config;
    };
    expect(resumed('--set', 'maxSteps=9').asked.units).toBe(5); // the preset has 16
  });
});

describe('trainInFolder', () => {
  const learning = z.object(learningShape).parse({});
  const result = { step: 3, seconds: 1, tokensPerSecond: 10, reason: 'steps', best: { step: 2, metrics: { loss: 1 } } };
  const folderTraining = (directory: string, step: number): FolderTraining<{ wer: number }> => ({
    ...{ directory, resume: false, leftovers: [], unit: 'words', introduction: 'three words' },
    training: {
      config: { training: learning, monitoring: { logSteps: 1, patience: null } },
      model: { parameterCount: 12 },
      trainer: { step, resume: async () => 0, train: async () => result as never },
      plannedSteps: 3,
    },
    display: trainingDisplay(quiet, () => ({ short: '', long: '' })),
    backend: { name: 'native', threads: 1, precision: 'f32' },
    writeStart: () => writeFileSync(join(directory, 'config.json'), '{}'),
    evaluate: async () => ({ wer: 0.5 }),
    writeReport: (evaluation) => join(directory, `report of ${evaluation?.wer}`),
  });

  it('ends with what was trained and measured, and gives the folder back', async () => {
    const directory = join(folder, 'run');
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await trainInFolder(folderTraining(directory, 3), createOutput({ quiet: true, json: true }));
    const object = JSON.parse(String(write.mock.calls.at(-1)![0])) as Record<string, unknown>;
    write.mockRestore();
    expect(object).toEqual({
      ...{ run: directory, steps: 3, epochs: 0, seconds: 1, tokens_per_second: 10, stopped: 'steps', parameters: 12 },
      ...{ best: { step: 2, loss: 1 }, backend: 'native', precision: 'f32', evaluation: { wer: 0.5 } },
      report: join(directory, 'report of 0.5'),
    });
    expect(readdirSync(directory)).toEqual(['config.json']); // no lock
  });

  it('prepares while it holds the folder, and leaves nothing of a new run where that is stopped', async () => {
    const directory = join(folder, 'run');
    const training = folderTraining(directory, 0);
    const train = vi.spyOn(training.training.trainer, 'train');
    const held: string[][] = [];
    const prepare = async (): Promise<boolean> => {
      held.push(readdirSync(directory));
      return held.length > 1;
    };
    await trainInFolder({ ...training, prepare }, quiet);
    expect(train).not.toHaveBeenCalled();
    expect(existsSync(directory)).toBe(false);
    await trainInFolder({ ...training, prepare }, quiet);
    expect(train).toHaveBeenCalledTimes(1);
    expect(held).toEqual([[expect.stringMatching(/lock/)], [expect.stringMatching(/lock/)]]);
  });

  it('keeps the limits that a resumed run is given and what computes it, and all else of its description', async () => {
    const directory = join(folder, 'run');
    const training = folderTraining(directory, 3);
    mkdirSync(directory);
    const path = join(directory, 'config.json');
    writeFileSync(
      path,
      JSON.stringify({ created: 'then', threads: 3, config: { training: { ...learning, maxSteps: 3 } } }),
    );
    const config = { ...training.training.config, training: { ...learning, maxSteps: 9 } };
    await trainInFolder({ ...training, resume: true, training: { ...training.training, config } }, quiet);
    const computed = { backend: 'native', threads: 1, precision: 'f32' };
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ created: 'then', config, ...computed });
    expect(readdirSync(directory)).toEqual(['config.json']);
  });

  it('warns of a learning rate of 0, where the schedule of a finished run has ended', async () => {
    const directory = join(folder, 'run');
    mkdirSync(directory);
    writeFileSync(join(directory, 'config.json'), '{}');
    const training = folderTraining(directory, 3);
    training.training.config.training = { ...learning, schedule: { ...learning.schedule, steps: 3 } };
    const resumed = { ...training, resume: true, training: { ...training.training, plannedSteps: 9 } };
    const warn = vi.spyOn(quiet, 'warn');
    await trainInFolder(resumed, quiet);
    const wanted = 'The learning rate is 0 in steps 4 to 9: the cosine ends at step 3; ';
    expect(warn.mock.calls.flat()).toEqual([`${wanted}--set training.schedule.steps=9 lets it end with the run`]);
    warn.mockRestore();
  });

  it.each([
    [
      'maxMinutes',
      9,
      /^stopped after 2 minutes, at step 3 of 9; train --run .*run --resume goes on for as long again$/,
    ],
    ['earlyStopping', 9, /^stopped at step 3 of 9: validations got no better$/],
    ['maxMinutes', 3, null],
    ['maxSteps', 9, null],
  ])('says why it ended before its plan did: %s, %i steps', async (reason, plannedSteps, wanted) => {
    const { training, ...rest } = folderTraining(join(folder, 'run'), 3);
    const config = { ...training.config, training: { ...learning, maxMinutes: 2 } };
    const trainer = { ...training.trainer, train: async () => ({ ...result, reason }) as never };
    const say = vi.spyOn(quiet, 'say');
    await trainInFolder({ ...rest, training: { ...training, config, trainer, plannedSteps } }, quiet);
    const told = say.mock.calls.flat().filter((line) => line.startsWith('stopped'));
    say.mockRestore();
    expect(told).toEqual(wanted === null ? [] : [expect.stringMatching(wanted)]);
  });

  it('leaves nothing of a new run that fails before its first step', async () => {
    const directory = join(folder, 'run');
    const training = folderTraining(directory, 0);
    training.training.trainer.train = async () => Promise.reject(new Error('no memory'));
    await expect(trainInFolder(training, quiet)).rejects.toThrow('no memory');
    expect(existsSync(directory)).toBe(false);
  });
});
