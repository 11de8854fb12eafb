import { join } from 'node:path';
import { eventLoopTurn } from '../decoding/eventLoop.js';
import { ConfigError, InputError, TrainingError, expected } from '../errors.js';
import { CheckpointStore } from './checkpointStore.js';
import { defaultFileSystem, replaceFile, type FileSystem } from './fileSystem.js';
import type { MetricsLine } from './metricsLog.js';
import { Speedometer } from './speedometer.js';
import { checkTrainerOptions } from './trainerChecks.js';
import type { EvaluationContext, TrainerOptions, TrainingResult } from './trainerOptions.js';
import { trainStep, type StepOutcome } from './trainStep.js';
import { TrainingLog } from './trainingLog.js';
import { choiceOfBest, TrainingState } from './trainingState.js';
import type { Best, Metrics, StopReason } from './trainingTypes.js';

/** How long the loop may run before it lets timers and signals in, in milliseconds. */
const LONGEST_WITHOUT_YIELD = 50;

/**
 * Trains a model: batches in order, truncated backpropagation through time with the recurrent state carried along (Williams and
 * Peng 1990), clipping, an optimizer, a schedule by steps, weight averaging, validation, samples, checkpoints.
 *
 * A run that was stopped or killed at any instant goes on, after {@link resume}, bit for bit as it would have. Whatever the clock
 * decides (when a checkpoint is written, when training stops) changes none of the numbers.
 */
export class Trainer<Batch> {
  private readonly state: TrainingState<Batch>;
  private readonly store: CheckpointStore | undefined;
  private readonly fs: FileSystem;
  private readonly speed = new Speedometer();
  private log: TrainingLog | undefined;
  private resumed = false;
  private savedStep = -1;
  private savedAt = 0;
  private startedAt = 0;
  private yieldedAt = 0;

  constructor(private readonly options: TrainerOptions<Batch>) {
    checkTrainerOptions(options);
    this.fs = options.fileSystem ?? defaultFileSystem;
    this.state = new TrainingState(options);
    if (options.run === undefined) return;
    const { keep } = options.checkpoints ?? {};
    this.store = new CheckpointStore(options.run, { keep, onWarning: options.hooks?.onWarning, fileSystem: this.fs });
  }

  /** Steps done in the whole run. */
  get step(): number {
    return this.state.step;
  }

  /** The best validation of the run so far, but for the additional one at the end. */
  get best(): Best | undefined {
    return this.state.best;
  }

  /**
   * Goes on from the newest whole checkpoint of the run folder and returns its step; 0, the start, where the run was killed before
   * its first one. Throws a CheckpointError where all checkpoints are damaged, or of another model.
   */
  async resume(): Promise<number> {
    if (!this.store) throw new ConfigError(expected('run', 'a run folder to resume', undefined));
    const checkpoint = this.store.load('latest');
    if (checkpoint) {
      this.state.restore(checkpoint);
      this.store.goBackTo(checkpoint);
      this.savedStep = checkpoint.step;
    } else {
      this.store.clean();
    }
    this.resumed = true;
    return this.state.step;
  }

  /** Trains until a limit, the end of the data, early stopping or the signal; saves; then validates once more. */
  async train(): Promise<TrainingResult> {
    this.startedAt = this.savedAt = this.yieldedAt = performance.now();
    this.open();
    try {
      let reason = this.reasonToStop();
      while (!reason) {
        if (await this.advance()) reason = this.reasonToStop();
        else reason = 'endOfData';
      }
      if (this.savedStep !== this.state.step) await this.save();
      const best = reason === 'aborted' ? this.state.best : await this.validateAtEnd();
      return {
        ...{ reason, step: this.state.step, seconds: this.seconds(), epoch: this.options.source.epoch },
        ...{ tokensPerSecond: this.speed.median, skippedSteps: this.state.guard.skipped, best },
      };
    } finally {
      this.state.secondsBefore = this.totalSeconds();
      this.log?.close();
      this.log = undefined;
    }
  }

  /** Runs `use` while the parameters hold the averaged weights, where averaging is on. */
  async withAveragedWeights<T>(use: () => T | Promise<T>): Promise<T> {
    return this.state.average ? this.state.average.swapIn(use) : use();
  }

  /** Frees the optimizer's, the average's and the carried tensors. The parameters stay. */
  dispose(): void {
    this.state.dispose();
  }

  private open(): void {
    const { run, config, log } = this.options;
    if (run === undefined) return;
    const present = this.store!.steps();
    if (!this.resumed && present.length > 0) {
      const got = `one with checkpoints (the newest of step ${present.at(-1)})`;
      throw new InputError(`Expected run to be a new folder, got ${got}: ${run}; resume it or name another folder`);
    }
    this.log = new TrainingLog(run, this.state.step, log?.tensorboard ?? true, this.fs);
    const path = join(run, 'config.json');
    if (config !== undefined && !this.fs.existsSync(path)) {
      replaceFile(this.fs, path, `${JSON.stringify(config, null, 2)}\n`);
    }
    this.resumed = true;
  }

  private reasonToStop(): StopReason | undefined {
    const { signal, maxSteps = Infinity, maxMinutes = Infinity } = this.options;
    if (signal?.aborted) return 'aborted';
    if (this.state.earlyStopping?.shouldStop) return 'earlyStopping';
    if (this.state.step >= maxSteps) return 'maxSteps';
    return this.seconds() >= maxMinutes * 60 ? 'maxMinutes' : undefined;
  }

  /** One step and what is due after it. False where the data ended before it. */
  private async advance(): Promise<boolean> {
    const { validation, sampling, tokens, log } = this.options;
    const started = performance.now();
    const batches = await this.readBatches();
    if (!batches) return false;
    const outcome = await trainStep(batches, this.state, this.options);
    const count = tokens ? batches.reduce((sum, batch) => sum + tokens(batch), 0) : 0;
    this.speed.record(count, (performance.now() - started) / 1000);

    const { step } = this.state;
    this.report(outcome, step % (log?.every ?? 10) === 0);
    const isBest = validation && step % validation.every === 0 ? await this.validate() : false;
    if (sampling && step % sampling.every === 0) await this.sample();
    if (isBest || this.isCheckpointDue()) await this.save();
    if (performance.now() - this.yieldedAt > LONGEST_WITHOUT_YIELD) {
      await eventLoopTurn();
      this.yieldedAt = performance.now();
    }
    return true;
  }

  private async readBatches(): Promise<Batch[] | undefined> {
    const batches: Batch[] = [];
    while (batches.length < (this.options.accumulate ?? 1)) {
      const batch = await this.options.source.next();
      if (batch === null) return batches.length > 0 ? batches : undefined;
      batches.push(batch);
    }
    return batches;
  }

  private report(outcome: StepOutcome, isLogged: boolean): void {
    const { hooks, source } = this.options;
    const { state } = this;
    const tokensPerSecond = this.speed.median;
    const report = { step: state.step, ...outcome, epoch: source.epoch, tokensPerSecond, seconds: this.seconds() };
    hooks?.onStep?.(report);
    if (!isLogged) return;
    const { sum, count } = state.window;
    const loss = count > 0 ? sum / count : NaN;
    state.window = { sum: 0, count: 0 };
    this.write({
      ...{ epoch: source.epoch, loss: orNull(loss), learningRate: outcome.learningRate },
      ...{ gradientNorm: orNull(outcome.gradientNorm), skipped: state.guard.skipped || undefined },
      time: { seconds: this.totalSeconds(), tokensPerSecond },
    });
    hooks?.onLog?.({ ...report, loss });
  }

  /** Validates, and lets the schedule, early stopping and the choice of the best hear of it. True for a new best. */
  private async validate(): Promise<boolean> {
    const { state } = this;
    const metrics = await this.measure();
    const score = this.score(metrics);
    const isBest = this.isBetter(metrics);
    if (isBest) state.best = { step: state.step, metrics };
    state.schedule.observe(score);
    state.earlyStopping?.observe(score);
    this.write({ validation: metrics, best: isBest || undefined, time: { seconds: this.totalSeconds() } });
    this.options.hooks?.onValidate?.({ step: state.step, metrics, isBest, final: false });
    return isBest;
  }

  /**
   * The validation after the last step, where none was due there. Training that goes on later knows nothing of it, since it would
   * not have taken place in an uninterrupted run; but the pointer `best` may move to the last checkpoint.
   */
  private async validateAtEnd(): Promise<Best | undefined> {
    const { state, options } = this;
    if (!options.validation || state.step % options.validation.every === 0) return state.best;
    const metrics = await this.measure();
    const isBest = this.isBetter(metrics);
    this.write({ validation: metrics, best: isBest || undefined, final: true, time: { seconds: this.totalSeconds() } });
    if (isBest) this.store?.markBest(state.step);
    options.hooks?.onValidate?.({ step: state.step, metrics, isBest, final: true });
    return isBest ? { step: state.step, metrics } : state.best;
  }

  private async measure(): Promise<Metrics> {
    const { metric } = choiceOfBest(this.options)!;
    const { run } = this.options.validation!;
    const metrics = await this.withAveragedWeights(() => run(this.evaluationContext('validation')));
    if (typeof metrics?.[metric] !== 'number') {
      throw new TrainingError(expected('validation', `metrics with a number called ${metric}`, metrics));
    }
    return metrics;
  }

  /** The deciding metric, turned so that smaller is better. */
  private score(metrics: Metrics): number {
    const { metric, goal } = choiceOfBest(this.options)!;
    return goal === 'minimum' ? metrics[metric] : -metrics[metric];
  }

  private isBetter(metrics: Metrics): boolean {
    const { best } = this.state;
    return Number.isFinite(this.score(metrics)) && (!best || this.score(metrics) < this.score(best.metrics));
  }

  private async sample(): Promise<void> {
    const text = await this.withAveragedWeights(() => this.options.sampling!.run(this.evaluationContext('sample')));
    this.write({ sample: text, time: { seconds: this.totalSeconds() } });
    this.options.hooks?.onSample?.({ step: this.state.step, text });
  }

  private evaluationContext(purpose: string): EvaluationContext {
    const { step } = this.state;
    return { step, random: this.options.random.fork(`${purpose}/${step}`) };
  }

  private isCheckpointDue(): boolean {
    if (!this.store) return false;
    const { everySteps, everySeconds = everySteps === undefined ? 60 : Infinity } = this.options.checkpoints ?? {};
    if (everySteps !== undefined && this.state.step % everySteps === 0) return true;
    return performance.now() - this.savedAt >= everySeconds * 1000;
  }

  private async save(): Promise<void> {
    if (!this.store) return;
    const checkpoint = await this.state.toCheckpoint(this.totalSeconds());
    this.log?.sync();
    const directory = this.store.save(checkpoint);
    this.savedStep = this.state.step;
    this.savedAt = performance.now();
    this.options.hooks?.onCheckpoint?.({ step: this.savedStep, directory });
  }

  private write(line: Omit<MetricsLine, 'step'>): void {
    this.log?.write({ step: this.state.step, ...line });
  }

  /** Since `train` was called. */
  private seconds(): number {
    return (performance.now() - this.startedAt) / 1000;
  }

  /** Of the whole run. */
  private totalSeconds(): number {
    return this.state.secondsBefore + this.seconds();
  }
}

/** JSON has no NaN and no infinities. */
function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
