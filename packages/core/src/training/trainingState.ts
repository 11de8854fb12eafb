import * as tf from '@tensorflow/tfjs-core';
import { CheckpointError } from '../errors.js';
import type { Checkpoint, CheckpointState } from './checkpointFolder.js';
import { EarlyStopping } from './earlyStopping.js';
import type { Json } from './json.js';
import { NonFiniteGuard } from './nonFiniteGuard.js';
import { createOptimizer } from './optimizers/createOptimizer.js';
import type { Optimizer } from './optimizers/optimizer.js';
import { createSchedule, type Schedule } from './schedule.js';
import { assignWeights, checkNames, makeTensor, readTensors, type TensorData } from './tensorData.js';
import type { TrainerOptions } from './trainerOptions.js';
import type { Best, Parameters } from './trainingTypes.js';
import { WeightAverage } from './weightAverage.js';

/** Everything that changes while a model trains, and its way into a checkpoint and back. */
export class TrainingState<Batch> {
  step = 0;
  best: Best | undefined;
  /** By what the best of a resumed run was chosen, for one that does not validate any more. */
  private choiceBefore: CheckpointState['validation'] = null;
  /** The recurrent state for the next batch. */
  carry: tf.Tensor[];
  /** The finite losses since the last logged line. */
  window = { sum: 0, count: 0 };
  /** Seconds of training before this process. */
  secondsBefore = 0;
  readonly parameters: Parameters;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly average: WeightAverage | undefined;
  readonly earlyStopping: EarlyStopping | undefined;
  readonly guard: NonFiniteGuard;

  constructor(private readonly options: TrainerOptions<Batch>) {
    const { optimizer, schedule } = options;
    this.parameters = options.parameters;
    this.schedule = 'rate' in schedule ? schedule : createSchedule(schedule);
    this.earlyStopping = options.earlyStopping && new EarlyStopping(options.earlyStopping);
    this.guard = new NonFiniteGuard(options.guard);
    this.optimizer = 'apply' in optimizer ? optimizer : createOptimizer(optimizer);
    this.average = options.average && new WeightAverage(options.parameters, options.average);
    this.carry = (options.initialCarry ?? []).map((tensor) => tf.keep(tf.clone(tensor)));
  }

  /** Puts a new carry in place of the old one. */
  replaceCarry(carry: tf.Tensor[]): void {
    tf.dispose(this.carry);
    this.carry = carry;
  }

  /** The state as it is now. @param seconds how long the run has trained in all */
  async toCheckpoint(seconds: number): Promise<Checkpoint> {
    const { source, random } = this.options;
    const averages = this.average?.state() ?? new Map<string, tf.Tensor>();
    const weights = new Map<string, tf.Tensor>([...this.parameters, ...averages]);
    const rest = new Map<string, tf.Tensor>();
    for (const name of averages.keys()) rest.set(`parameters/${name}`, this.parameters.get(name)!);
    for (const [name, tensor] of this.optimizer.state()) rest.set(`optimizer/${name}`, tensor);
    this.carry.forEach((tensor, index) => rest.set(`carry/${index}`, tensor));
    return {
      weights: await readTensors(weights),
      optimizer: await readTensors(rest),
      state: {
        format: 'cadenza-checkpoint',
        version: 1,
        step: this.step,
        epoch: source.epoch ?? null,
        random: random.state(),
        source: source.state(),
        optimizer: { name: this.optimizer.name, step: this.optimizer.step },
        schedule: this.schedule.state(),
        average: this.average ? { updates: this.average.updates } : null,
        earlyStopping: this.earlyStopping?.state() ?? null,
        guard: this.guard.state(),
        best: this.best ?? null,
        validation: choiceOfBest(this.options) ?? this.choiceBefore,
        carry: this.carry.length,
        window: this.window,
        time: { seconds, written: new Date().toISOString() },
      },
    };
  }

  /** Goes on from a checkpoint. Throws a {@link CheckpointError} before changing anything where it is of another model. */
  restore(checkpoint: Checkpoint): void {
    const { state, weights } = checkpoint;
    this.checkOptions(checkpoint);
    const moments = tensorsUnder('optimizer/', checkpoint.optimizer);
    const carry = tensorsUnder('carry/', checkpoint.optimizer);
    const trained = new Map([...weights, ...tensorsUnder('parameters/', checkpoint.optimizer)]);
    checkNames('weights', weights, this.parameters);
    for (const name of moments.keys()) this.checkMoment(name, moments.get(name)!);
    if (this.carry.length > 0) {
      checkNames('carried state', carry, new Map(this.carry.map((tensor, index) => [String(index), tensor])));
    }
    const carried = Array.from({ length: state.carry }, (_, index) => carry.get(String(index)) ?? lost(index));

    assignWeights(this.parameters, trained);
    withTensors(moments, (tensors) => this.optimizer.restore(tensors, state.optimizer.step));
    withTensors(weights, (tensors) => this.average?.restore(tensors, state.average!.updates));
    this.replaceCarry(carried.map((data) => tf.keep(makeTensor(data))));
    this.options.random.restore(state.random);
    this.options.source.restore(state.source);
    this.schedule.restore(state.schedule);
    this.earlyStopping?.restore(state.earlyStopping ?? { best: null, waited: 0 });
    this.guard.restore(state.guard);
    this.step = state.step;
    this.best = state.best ?? undefined;
    this.choiceBefore = state.best ? (state.validation ?? null) : null;
    this.window = { ...state.window };
    this.secondsBefore = state.time.seconds;
  }

  dispose(): void {
    this.replaceCarry([]);
    this.optimizer.dispose();
    this.average?.dispose();
  }

  private checkOptions({ state }: Checkpoint): void {
    const pairs: [what: string, saved: string, now: string][] = [
      ['optimizer', state.optimizer.name, this.optimizer.name],
      ['average', state.average ? 'on' : 'off', this.average ? 'on' : 'off'],
    ];
    // A schedule of the caller's own knows itself what it can go on from.
    if (!('rate' in this.options.schedule)) {
      pairs.push(['schedule', kindOfSchedule(state.schedule), kindOfSchedule(this.schedule.state())]);
    }
    const choice = choiceOfBest(this.options);
    if (state.validation && state.best && choice) {
      const { metric, goal } = state.validation;
      pairs.push(['metric of validation', metric, choice.metric], ['goal of validation', goal, choice.goal]);
    }
    for (const [what, saved, now] of pairs) {
      if (saved === now) continue;
      const message = `Expected the ${what} to be ${saved} as when the run was saved, got ${now}`;
      throw new CheckpointError(message, { code: 'MISMATCH' });
    }
  }

  /** `m/output.kernel` must have the shape of `output.kernel`. */
  private checkMoment(name: string, data: TensorData): void {
    const parameter = name.slice(name.indexOf('/') + 1);
    const wanted = this.parameters.get(parameter);
    checkNames('optimizer state', new Map([[parameter, data]]), new Map(wanted ? [[parameter, wanted]] : []));
  }
}

/** By what a trainer chooses the best step; undefined where it does not validate. */
export function choiceOfBest<Batch>({ validation }: TrainerOptions<Batch>) {
  return validation && { metric: validation.metric ?? 'loss', goal: validation.goal ?? ('minimum' as const) };
}

/** What kind of schedule has such a state. */
function kindOfSchedule(state: Json): string {
  if (state === null) return 'one without a state';
  const isPlateau = typeof state === 'object' && 'reductions' in state;
  return isPlateau ? 'plateau' : "one of the caller's own";
}

function tensorsUnder(prefix: string, tensors: ReadonlyMap<string, TensorData>): Map<string, TensorData> {
  const under = Array.from(tensors).filter(([name]) => name.startsWith(prefix));
  return new Map(under.map(([name, data]) => [name.slice(prefix.length), data]));
}

/** Lends saved values as tensors. */
function withTensors(data: ReadonlyMap<string, TensorData>, use: (tensors: Map<string, tf.Tensor>) => void): void {
  tf.tidy(() => use(new Map(Array.from(data, ([name, values]) => [name, makeTensor(values)]))));
}

function lost(index: number): never {
  throw new CheckpointError(`Expected the saved carried state to hold ${index}, got none of that name`, {
    code: 'MISMATCH',
  });
}
