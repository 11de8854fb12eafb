import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  assignWeights,
  CheckpointError,
  CheckpointStore,
  ConfigError,
  LSTM,
  Random,
  RecurrentLanguageModel,
  readMetrics,
  Trainer,
  TrainingError,
  type BatchSource,
  type TrainerOptions,
} from '../../src/index.js';
import {
  tinyLoss,
  tinyOptions,
  tinyParameters,
  tinySource,
  tinyValidation,
  valuesOf,
  type TinyBatch,
} from './tinyTraining.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'cadenza-trainer-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const run = (name = 'run') => join(folder, name);
const metricsOf = (name?: string) =>
  readMetrics(join(run(name), 'metrics.jsonl')).map((line) => ({ ...line, time: undefined }));

/** A loss that now and then rises, so that the best, the schedule and early stopping have something to remember. */
const wobbling = (step: number, { loss }: { loss: number }) => ({ loss: loss + ((step * 3) % 8 === 0 ? 5 : 0) });

/** Everything switched on, in a run folder. */
function rich(name: string, overrides: Partial<TrainerOptions<TinyBatch>> = {}): TrainerOptions<TinyBatch> {
  const parameters = tinyParameters();
  const validate = tinyValidation(parameters);
  const loss = tinyLoss(parameters);
  return tinyOptions({
    parameters,
    // Now and then a batch gives no number, for the guard to count.
    loss: (batch, carry, context) => {
      const result = loss(batch, carry, context);
      return batch.y[0][0] > 2.5 ? { ...result, loss: tf.mul(result.loss, NaN) } : result;
    },
    clip: { norm: 2, value: 1.5 },
    average: { decay: 0.8 },
    schedule: { name: 'plateau', learningRate: 0.05, patience: 0, factor: 0.6, warmupSteps: 3 },
    validation: { every: 4, run: ({ step }) => wobbling(step, validate()) },
    sampling: { every: 6, run: ({ random }) => `drawn ${random.integer(1000)}` },
    earlyStopping: { patience: 50 },
    run: run(name),
    log: { every: 3 },
    checkpoints: { everySteps: 5 },
    ...overrides,
  });
}

async function trainTo(maxSteps: number, options: TrainerOptions<TinyBatch>, resume = false) {
  const trainer = new Trainer({ ...options, maxSteps });
  if (resume) await trainer.resume();
  const result = await trainer.train();
  const values = valuesOf(options.parameters);
  trainer.dispose();
  return { result, values };
}

describe('the trainer', () => {
  it('learns a linear map', async () => {
    const options = tinyOptions();
    const losses: number[] = [];
    const { result } = await trainTo(150, { ...options, hooks: { onStep: ({ loss }) => void losses.push(loss) } });
    expect(result).toMatchObject({ reason: 'maxSteps', step: 150, skippedSteps: 0 });
    expect(losses[0]).toBeGreaterThan(1);
    expect(losses.at(-1)).toBeLessThan(0.15);
  });

  it('leaves no tensors behind', async () => {
    const options = tinyOptions({ average: { decay: 0.9 }, clip: { norm: 1, value: 1 }, accumulate: 2 });
    const before = tf.memory().numTensors;
    const trainer = new Trainer({ ...options, maxSteps: 3, initialCarry: [] });
    await trainer.train();
    const during = tf.memory().numTensors;
    const more = new Trainer({ ...options, maxSteps: 9 });
    await more.train();
    expect(tf.memory().numTensors).toBe(during + during - before);
    trainer.dispose();
    more.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('resumed equals the uninterrupted run bit for bit, wherever it was stopped', async () => {
    const straight = await trainTo(23, rich('straight'));
    for (const stop of [0, 1, 4, 7, 12, 22]) {
      const name = `stopped-${stop}`;
      await trainTo(stop, rich(name));
      const { values } = await trainTo(23, rich(name), true);
      expect(values).toEqual(straight.values);
      expect(metricsOf(name)).toEqual(metricsOf('straight'));
      const stateOf = (of: string) => ({ ...new CheckpointStore(run(of)).load(23)!.state, time: undefined });
      expect(stateOf(name)).toEqual(stateOf('straight'));
      expect(stateOf(name).guard.total).toBeGreaterThan(0);
      for (const file of ['weights.safetensors', 'optimizer.safetensors']) {
        const path = (of: string) => join(run(of), 'checkpoints', 'step-23', file);
        expect(readFileSync(path(name)).equals(readFileSync(path('straight')))).toBe(true);
      }
    }
  });

  it('is not influenced by when checkpoints are written', async () => {
    const often = await trainTo(15, rich('often', { checkpoints: { everySeconds: 0 } }));
    const seldom = await trainTo(15, rich('seldom', { checkpoints: { everySeconds: 1000 } }));
    const never = await trainTo(15, { ...rich('never'), run: undefined, checkpoints: undefined });
    expect(often.values).toEqual(seldom.values);
    expect(never.values).toEqual(seldom.values);
    expect(metricsOf('often')).toEqual(metricsOf('seldom'));
  });

  it('with a damaged newest checkpoint goes on from the one before, and ends the same', async () => {
    const straight = await trainTo(17, rich('straight'));
    await trainTo(13, rich('damaged'));
    truncateSync(join(run('damaged'), 'checkpoints', 'step-13', 'weights.safetensors'), 50);
    const warnings: string[] = [];
    const options = rich('damaged', { hooks: { onWarning: (line) => void warnings.push(line) } });
    const { values } = await trainTo(17, options, true);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/step-13.weights\.safetensors .* using the checkpoint of step 12$/);
    expect(values).toEqual(straight.values);
    expect(metricsOf('damaged')).toEqual(metricsOf('straight'));
  });

  it('saves the averaged weights as those to use, and validates them', async () => {
    const seen: number[][] = [];
    const options = rich('average');
    const validation = {
      every: 4,
      run: () => {
        seen.push(Array.from(options.parameters.get('kernel')!.dataSync()));
        return { loss: 1 / seen.length };
      },
    };
    const { values } = await trainTo(8, { ...options, validation });
    const { weights, optimizer } = new CheckpointStore(run('average')).load('best')!;
    expect(Array.from(weights.get('kernel')!.values)).toEqual(seen[1]);
    expect(Array.from(optimizer.get('parameters/kernel')!.values)).toEqual(values.kernel);
    expect(seen[1]).not.toEqual(values.kernel);
    const fresh = tinyParameters();
    assignWeights(fresh, weights);
    expect(valuesOf(fresh).kernel).toEqual(seen[1]);
  });

  it('skips steps whose loss is no number, keeps the carry, and stops after too many', async () => {
    const broken = new Set([3, 4]);
    const build = (more: Partial<TrainerOptions<TinyBatch>>) => {
      const options = tinyOptions(more);
      let step = 0;
      const loss: TrainerOptions<TinyBatch>['loss'] = (batch, carry, context) => {
        const result = options.loss(batch, carry, context);
        return broken.has(++step) ? { loss: tf.mul(result.loss, NaN), carry: [tf.fill([2], NaN)] } : result;
      };
      return { ...options, loss };
    };
    const skipped: number[] = [];
    const onStep = (report: { step: number; skipped: boolean }) => void (report.skipped && skipped.push(report.step));
    const before = tf.memory().numTensors;
    const options = build({ hooks: { onStep }, run: run(), log: { every: 2 } });
    const { result, values } = await trainTo(6, options);
    expect(skipped).toEqual([3, 4]);
    expect(result.skippedSteps).toBe(2);
    expect(values.kernel.every(Number.isFinite)).toBe(true);
    const logged = metricsOf();
    expect(logged.map(({ skipped: count }) => count)).toEqual([undefined, 2, 2]);
    expect(logged[1].loss).toBeNull();
    const limited = build({ guard: { limit: 2 } });
    await expect(trainTo(6, limited)).rejects.toThrow(TrainingError);
    tf.dispose([...options.parameters.values(), ...limited.parameters.values()]);
    // The trainer that threw was not disposed: it holds its moments (two per parameter) and its carry.
    expect(tf.memory().numTensors).toBe(before + 5);
  });

  it('with accumulated gradients makes the step of the mean', async () => {
    const [one, two] = [tinyOptions(), tinyOptions({ accumulate: 2 })];
    const plain: TrainerOptions<TinyBatch>['loss'] = ({ x, y }) => ({
      loss: tf.mean(tf.square(tf.sub(tf.matMul(tf.tensor2d(x), one.parameters.get('kernel')!), tf.tensor2d(y)))),
    });
    const same: TrainerOptions<TinyBatch>['loss'] = ({ x, y }) => ({
      loss: tf.mean(tf.square(tf.sub(tf.matMul(tf.tensor2d(x), two.parameters.get('kernel')!), tf.tensor2d(y)))),
    });
    const endless = tinySource();
    const joined: BatchSource<TinyBatch> = {
      ...tinySource(),
      next: () => {
        const batches = [endless.next(), endless.next()] as TinyBatch[];
        return { x: batches.flatMap(({ x }) => x), y: batches.flatMap(({ y }) => y) };
      },
    };
    const options: Partial<TrainerOptions<TinyBatch>> = { optimizer: { name: 'sgd' } };
    const whole = await trainTo(3, { ...one, ...options, loss: plain, source: joined });
    const halves = await trainTo(3, { ...two, ...options, loss: same });
    // Sums in another order: float32 rounding.
    halves.values.kernel.forEach((value, index) => expect(value).toBeCloseTo(whole.values.kernel[index], 5));
  });

  it('stops early, at the end of the data, by the clock, and when told to', async () => {
    const validation = { every: 2, run: () => ({ loss: 1 }) };
    const early = await trainTo(50, tinyOptions({ validation, earlyStopping: { patience: 3 } }));
    expect(early.result).toMatchObject({ reason: 'earlyStopping', step: 8, best: { step: 2, metrics: { loss: 1 } } });
    const short = await trainTo(50, tinyOptions({ source: tinySource(5, 7), accumulate: 2 }));
    expect(short.result).toMatchObject({ reason: 'endOfData', step: 4 }); // the last of one batch
    const timed = await trainTo(1e9, tinyOptions({ maxMinutes: 0.001 }));
    expect(timed.result.reason).toBe('maxMinutes');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const aborted = await trainTo(1e9, { ...rich('aborted'), signal: controller.signal });
    expect(aborted.result.reason).toBe('aborted');
    const { step } = new CheckpointStore(run('aborted')).load('latest')!;
    expect(step).toBe(aborted.result.step);
  });

  it('validates once more at the end, for the pointer to the best alone', async () => {
    const reports: [number, boolean, boolean][] = [];
    const options = rich('final', {
      validation: { every: 4, run: ({ step }) => ({ accuracy: step }), metric: 'accuracy', goal: 'maximum' },
      hooks: { onValidate: ({ step, isBest, final }) => void reports.push([step, isBest, final]) },
    });
    const { result } = await trainTo(6, options);
    expect(reports).toEqual([
      [4, true, false],
      [6, true, true],
    ]);
    expect(result.best).toEqual({ step: 6, metrics: { accuracy: 6 } });
    const store = new CheckpointStore(run('final'));
    expect(store.load('best')!.step).toBe(6);
    expect(store.load('best')!.state.best!.step).toBe(4);
    expect(metricsOf('final').at(-1)).toMatchObject({ step: 6, final: true, best: true });
  });

  it('remembers a metric that is no number as such', async () => {
    const validation = { every: 2, run: () => ({ loss: 1, other: NaN }) };
    await trainTo(2, rich('other', { validation }));
    const trainer = new Trainer(rich('other', { validation }));
    await trainer.resume();
    expect(trainer.best).toEqual({ step: 2, metrics: { loss: 1, other: NaN } });
    expect(metricsOf('other').find(({ validation: metrics }) => metrics)!.validation).toEqual({ loss: 1, other: NaN });
    trainer.dispose();
  });

  it('writes the configuration once, and refuses to start anew over checkpoints', async () => {
    await trainTo(2, rich('config', { config: { seed: 1 } }));
    await trainTo(4, rich('config', { config: { seed: 2 } }), true);
    expect(JSON.parse(readFileSync(join(run('config'), 'config.json'), 'utf8'))).toEqual({ seed: 1 });
    await expect(trainTo(4, rich('config'))).rejects.toThrow('got one with checkpoints (the newest of step 4)');
    expect(readdirSync(run('config')).filter((name) => name.startsWith('events'))).toHaveLength(2);
  });

  it('refuses a checkpoint of another model or other options, before changing anything', async () => {
    await trainTo(4, rich('other')); // validated once
    const attempts: [Partial<TrainerOptions<TinyBatch>>, string][] = [
      [{ optimizer: { name: 'sgd' } }, 'Expected the optimizer to be adam as when the run was saved, got sgd'],
      [{ average: undefined }, 'Expected the average to be on as when the run was saved, got off'],
      [
        { schedule: { name: 'constant', learningRate: 0.05 } },
        'Expected the schedule to be plateau as when the run was saved, got one without a state',
      ],
      [
        { validation: { every: 2, run: () => ({ bleu: 1 }), metric: 'bleu' } },
        'Expected the metric of validation to be loss as when the run was saved, got bleu',
      ],
      [
        { validation: { every: 2, run: () => ({ loss: 1 }), goal: 'maximum' } },
        'Expected the goal of validation to be minimum as when the run was saved, got maximum',
      ],
      [{ initialCarry: [tf.zeros([3])] }, 'Expected the saved carried state to hold 0 as float32 [3], got float32 [2]'],
    ];
    for (const [change, message] of attempts) {
      const options = rich('other', change);
      const before = valuesOf(options.parameters);
      await expect(trainTo(4, options, true)).rejects.toThrow(message);
      expect(valuesOf(options.parameters)).toEqual(before);
    }
    const validation = { every: 4, run: () => ({ bleu: 1 }), metric: 'bleu', goal: 'maximum' as const };
    await trainTo(2, rich('unseen', { validation: { every: 4, run: () => ({ loss: 1 }) } }));
    expect((await trainTo(4, rich('unseen', { validation }), true)).result.best).toEqual({
      step: 4,
      metrics: { bleu: 1 },
    });
    const plain = (more: Partial<TrainerOptions<TinyBatch>> = {}) =>
      rich('unwatched', { schedule: { name: 'constant', learningRate: 0.05 }, earlyStopping: undefined, ...more });
    await trainTo(4, plain());
    await trainTo(5, plain({ validation: undefined }), true); // the best is still that of the loss
    await expect(trainTo(8, plain({ validation }), true)).rejects.toThrow(
      'Expected the metric of validation to be loss',
    );
    await trainTo(2, rich('constant', { schedule: { name: 'constant', learningRate: 0.05 } }));
    const plateau = trainTo(4, rich('constant'), true);
    await expect(plateau).rejects.toThrow(
      'Expected the schedule to be one without a state as when the run was saved, got plateau',
    );
    await trainTo(2, rich('lost'));
    const store = new CheckpointStore(run('lost'));
    const saved = store.load('latest')!;
    saved.optimizer.delete('carry/0');
    store.save({ ...saved, state: { ...saved.state, step: 3 } });
    const without = rich('lost');
    const untouched = valuesOf(without.parameters);
    await expect(trainTo(4, without, true)).rejects.toThrow(
      'Expected the saved carried state to hold 0, got none of that name',
    );
    expect(valuesOf(without.parameters)).toEqual(untouched);
    const wider = rich('other');
    wider.parameters = new Map([...wider.parameters, ['extra', tf.variable(tf.zeros([1]))]]);
    await expect(trainTo(4, wider, true)).rejects.toThrow(
      'weights to hold extra as float32 [1], got none of that name',
    );
    const fewer = rich('other');
    fewer.parameters = new Map([...fewer.parameters].slice(0, 1));
    await expect(trainTo(4, fewer, true)).rejects.toThrow(CheckpointError);
  });

  it('refuses options that are wrong or do not go together', () => {
    const make = (more: object) => () => new Trainer({ ...tinyOptions(), ...more });
    const validation = { every: 1, run: () => ({ loss: 1 }) };
    expect(make({ clipp: {} })).toThrow('did you mean clip?');
    expect(make({ clip: { norm: 0 } })).toThrow('Expected clip.norm to be a positive number, got 0');
    expect(make({ parameters: new Map() })).toThrow('Expected parameters to hold at least one variable');
    expect(make({ earlyStopping: { patience: 1 } })).toThrow('there is nothing to watch');
    expect(make({ schedule: { name: 'plateau', learningRate: 1 } })).toThrow('there is nothing to watch');
    expect(make({ validation: { ...validation, goal: 'maximal' } })).toThrow('did you mean maximum?');
    expect(make({ validation: { ...validation, every: 0 } })).toThrow(
      'Expected validation.every to be a positive integer',
    );
    expect(make({ sampling: { every: 1.5 } })).toThrow('Expected sampling.every to be a positive integer, got 1.5');
    expect(make({ checkpoints: { keep: 3 } })).toThrow('Expected run to be a folder where checkpoints are asked for');
    expect(make({ run: folder, checkpoints: { keep: 0 } })).toThrow(
      'Expected checkpoints.keep to be a positive integer',
    );
    expect(make({ run: folder, checkpoints: { everySeconds: -1 } })).toThrow('checkpoints.everySeconds');
    expect(make({ accumulate: 0 })).toThrow(ConfigError);
    expect(make({ maxSteps: -1 })).toThrow(ConfigError);
    expect(make({ maxMinutes: NaN })).toThrow(ConfigError);
    expect(make({ log: { every: 0 } })).toThrow(ConfigError);
  });

  it('frees what a step had made by the time that its loss fails', async () => {
    const options = tinyOptions({ accumulate: 2, maxSteps: 1 });
    const { loss } = options;
    let calls = 0;
    options.loss = (batch, carry, context) => {
      if (++calls === 2) throw new Error('lost');
      return loss(batch, carry, context);
    };
    const before = tf.memory().numTensors;
    const trainer = new Trainer(options);
    const made = tf.memory().numTensors;
    await expect(trainer.train()).rejects.toThrow('lost');
    expect(tf.memory().numTensors).toBe(made);
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('counts the time of every call to train', async () => {
    const options = rich('twice', { maxSteps: 4 });
    const { source } = options;
    let calls = 0;
    const next = async () => {
      calls++;
      if (calls === 1) await new Promise((resolve) => setTimeout(resolve, 60));
      return calls === 3 ? null : source.next(); // the data end after two steps, and go on at the next call
    };
    const trainer = new Trainer({ ...options, source: { ...source, next, state: () => source.state() } });
    expect(await trainer.train()).toMatchObject({ reason: 'endOfData', step: 2 });
    expect(await trainer.train()).toMatchObject({ reason: 'maxSteps', step: 4 });
    trainer.dispose();
    const { state } = new CheckpointStore(run('twice')).load('latest')!;
    expect([state.step, state.time.seconds > 0.05]).toEqual([4, true]);
  });

  it('says what is wrong with a loss or a validation', async () => {
    const loss = () => ({ loss: tf.zeros([2]) });
    await expect(trainTo(1, tinyOptions({ loss }))).rejects.toThrow('Expected the loss to be a scalar tensor, got [2]');
    const validation = { every: 1, run: () => ({ accuracy: 1 }) };
    await expect(trainTo(1, tinyOptions({ validation }))).rejects.toThrow('metrics with a number called loss');
    await expect(new Trainer(tinyOptions()).resume()).rejects.toThrow('Expected run to be a run folder to resume');
  });
});

describe('an LSTM whose weights are constrained', () => {
  async function train(name: string, maxSteps: number, resume: boolean) {
    const layer = new LSTM({ units: 4, seed: 2, kernelConstraint: 'unitNorm', recurrentConstraint: 'maxNorm' });
    layer.build([null, null, 3]);
    let at = 0;
    const x = (start: number) => tf.sin(tf.reshape(tf.range(start, start + 24), [2, 4, 3]));
    const trainer = new Trainer<number>({
      parameters: layer.parameters(),
      random: new Random(1),
      source: { next: () => at++, state: () => at, restore: (state) => void (at = state as number) },
      loss: (start) => ({ loss: tf.mean(tf.square(tf.sub(layer.run(x(start)).last, 0.3))) }),
      optimizer: { name: 'adam' },
      schedule: { name: 'constant', learningRate: 0.05 },
      average: { decay: 0.9 },
      validation: { every: 4, run: () => ({ loss: 1 }) },
      run: run(name),
      maxSteps,
    });
    if (resume) await trainer.resume();
    await trainer.train();
    const values = valuesOf(layer.parameters());
    trainer.dispose();
    layer.dispose();
    return values;
  }

  it('resumed equals the uninterrupted one bit for bit: what was saved is not projected again', async () => {
    const straight = await train('straight', 8, false);
    await train('halves', 5, false);
    expect(await train('halves', 8, true)).toEqual(straight);
  });
});

describe('an LSTM language model with dropout', () => {
  const [B, T, V] = [2, 3, 5];

  function options(name: string): TrainerOptions<{ at: number }> & { model: RecurrentLanguageModel } {
    const random = new Random(4);
    const dropout = { between: 0.4, recurrent: 0.3, output: 0.2 };
    const model = new RecurrentLanguageModel(
      { vocabularySize: V, hiddenSize: 4, layers: 2, dropout },
      random.fork('model'),
    );
    let at = 0;
    const ids = (start: number) =>
      tf.tensor2d(
        Array.from({ length: B * T }, (_, i) => (start + i * i) % V),
        [B, T],
        'int32',
      );
    return {
      model,
      parameters: model.parameters,
      random: random.fork('training'),
      source: { next: () => ({ at: at++ }), state: () => at, restore: (state) => void (at = state as number) },
      initialCarry: model.initialState(B),
      loss: (batch, carry, context) => {
        const { loss, state } = model.loss(ids(batch.at), ids(batch.at + 1), carry, context);
        return { loss, carry: state };
      },
      optimizer: { name: 'rmsprop', momentum: 0.5 },
      schedule: { name: 'cosine', learningRate: 0.01, steps: 20, warmupSteps: 2 },
      run: run(name),
      log: { every: 1 },
    };
  }

  async function train(name: string, maxSteps: number, resume: boolean) {
    const { model, ...given } = options(name);
    const trainer = new Trainer({ ...given, maxSteps });
    if (resume) await trainer.resume();
    await trainer.train();
    const values = valuesOf(model.parameters);
    trainer.dispose();
    tf.dispose(given.initialCarry!);
    model.dispose();
    return values;
  }

  it('resumed equals the uninterrupted one bit for bit, its carried state included', async () => {
    const before = tf.memory().numTensors;
    const straight = await train('straight', 9, false);
    await train('halves', 4, false);
    expect(await train('halves', 9, true)).toEqual(straight);
    expect(metricsOf('halves')).toEqual(metricsOf('straight'));
    expect(new Set(metricsOf('straight').map(({ loss }) => loss)).size).toBe(9);
    expect(tf.memory().numTensors).toBe(before);
  });
});
