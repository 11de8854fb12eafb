import { InputError, type TensorData } from '@cadenza/core';
import type { Config } from '../config.js';
import type { PairParts } from '../prepare.js';
import {
  checkLanguages,
  checkSameLines,
  checkSameModel,
  firstWeights,
  openRun,
  readRun,
  runsNamed,
  taughtBy,
  usedRun,
  type OpenRun,
  type RunDescription,
  type SavedRun,
} from '../run.js';

/** What a run may begin with of others. */
export interface OriginOptions {
  from?: string;
  vocabularyOf?: string;
  teacher?: string;
}

/** The runs that a new run is made with. */
export interface Origins {
  /** Whose vocabulary, network and weights it begins with. */
  start?: OpenRun;
  /** Whose vocabulary it takes. */
  lender?: SavedRun;
  /** That it learns from. */
  teachers: OpenRun[];
}

/** Opens the runs that options name. Refuses what says how a run begins where it has begun, or twice. */
export function openOrigins(options: OriginOptions & { resume?: boolean }, onWarning: (line: string) => void): Origins {
  const { from, vocabularyOf, teacher, resume } = options;
  const starts = { '--from': from, '--vocabulary-of': vocabularyOf, '--teacher': teacher };
  const given = Object.entries(starts).find(([, run]) => run !== undefined)?.[0];
  if (given !== undefined && resume) {
    throw new InputError(`Expected ${given} at the start of a run only, got it with --resume`);
  }
  if (from !== undefined && vocabularyOf !== undefined) {
    throw new InputError('Expected either --from, which takes the vocabulary too, or --vocabulary-of, got both');
  }
  const named = teacher === undefined ? [] : runsNamed(teacher, '--teacher');
  const lending = vocabularyOf ?? named.at(0);
  return {
    start: from === undefined ? undefined : openRun(from, { onWarning }),
    lender: lending === undefined ? undefined : readRun(lending),
    teachers: named.map((folder) => openRun(folder, { onWarning })),
  };
}

/** The teachers of a run, new or saved. Refuses settings of what teachers say where there are none. */
export function teachersOf(
  { teachers }: Origins,
  saved: SavedRun | undefined,
  { training }: Config,
  onWarning: (line: string) => void,
): OpenRun[] {
  const found = teachers.length > 0 ? teachers : taughtBy(saved, onWarning);
  if (found.length > 0) return found;
  const { distillation, teacherReadings: readings } = training;
  const settings = Object.entries({ distillation, teacherReadings: readings === 1 ? null : readings });
  const given = settings.find(([, value]) => value !== null);
  if (given !== undefined) throw new InputError(`Expected --teacher with training.${given[0]} ${given[1]}, got none`);
  return found;
}

/** Refuses runs whose languages, lines or, where it begins with them, whose network are not those of the run that is made with them. */
export function checkOrigins({ start, lender }: Origins, { languages }: PairParts, config: Config): void {
  if (start !== undefined) {
    checkLanguages(start, languages);
    checkSameModel(start, config);
  }
  if (lender !== undefined) {
    checkLanguages(lender, languages);
    checkSameLines(lender, config);
  }
}

/** The weights that a run begins with, if others than random ones; a saved run without a checkpoint begins again. */
export function weightsToBeginWith(
  { start }: Origins,
  saved: SavedRun | undefined,
  resumes: boolean,
): ReadonlyMap<string, TensorData> | undefined {
  if (start !== undefined) return start.weights;
  return saved !== undefined && !resumes ? firstWeights(saved) : undefined;
}

/** What a run's description says of them. */
export function describeOrigins(
  start: OpenRun | undefined,
  teachers: readonly OpenRun[],
): Pick<RunDescription, 'from' | 'teachers'> {
  return {
    ...(start === undefined ? {} : { from: usedRun(start) }),
    ...(teachers.length === 0 ? {} : { teachers: teachers.map(usedRun) }),
  };
}
