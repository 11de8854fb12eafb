import { dirname, join } from 'node:path';
import { CheckpointError } from '../errors.js';
import { integerFrom, refuseUnknown } from '../options.js';
import { readCheckpoint, stepOf, writeCheckpoint, type Checkpoint } from './checkpointFolder.js';
import { defaultFileSystem, replaceFile, syncFolder, writeError, type FileSystem } from './fileSystem.js';

export interface CheckpointStoreOptions {
  /** How many of the newest to keep, besides the best of each: 2 when absent. */
  keep?: number;
  /** Told in one line when a damaged checkpoint is passed over. */
  onWarning?: (line: string) => void;
  fileSystem?: FileSystem;
}

/** A checkpoint and where it was. */
export interface LoadedCheckpoint extends Checkpoint {
  step: number;
  directory: string;
}

/**
 * The folder `checkpoints` of a run. A checkpoint is written beside its place under a name with a dot, synced, and renamed, and the
 * pointers `latest` and `best` are replaced the same way: a kill at any instant leaves the earlier checkpoint or the new one.
 */
export class CheckpointStore {
  readonly directory: string;
  private readonly fs: FileSystem;
  private readonly keep: number;
  private readonly warn: (line: string) => void;
  /** The best step as each checkpoint knew it, so that going back to one finds its best too. */
  private readonly bestOf = new Map<number, number | undefined>();

  constructor(run: string, options: CheckpointStoreOptions = {}) {
    refuseUnknown('CheckpointStore', options, ['keep', 'onWarning', 'fileSystem']);
    this.directory = join(run, 'checkpoints');
    this.fs = options.fileSystem ?? defaultFileSystem;
    this.keep = integerFrom(1, options.keep ?? 2, 'keep');
    this.warn = options.onWarning ?? (() => {});
  }

  /** The steps that have a checkpoint, whole or damaged, ascending. */
  steps(): number[] {
    const steps = this.names().map(stepOf);
    return steps.filter((step) => step !== undefined).sort((a, b) => a - b);
  }

  /** Removes what a kill left behind: names with a dot. */
  clean(): void {
    for (const name of this.names()) {
      if (name.startsWith('.')) this.fs.rmSync(join(this.directory, name), { recursive: true, force: true });
    }
  }

  /** Writes a checkpoint, moves the pointers, removes old checkpoints. Returns its folder. */
  save(checkpoint: Checkpoint): string {
    const { step, best } = checkpoint.state;
    const place = this.folder(step);
    const temporary = join(this.directory, `.step-${step}.tmp`);
    try {
      // A folder is a name in its parent, which has to reach the disk as well; so have the logs beside it.
      if (this.fs.mkdirSync(this.directory, { recursive: true })) syncFolder(this.fs, dirname(this.directory));
      this.fs.rmSync(temporary, { recursive: true, force: true });
      this.fs.mkdirSync(temporary);
      writeCheckpoint(this.fs, temporary, checkpoint);
      if (this.fs.existsSync(place)) this.remove(step);
      this.fs.renameSync(temporary, place);
      syncFolder(this.fs, this.directory);
    } catch (error) {
      this.fs.rmSync(temporary, { recursive: true, force: true });
      throw this.explain(place, error);
    }
    replaceFile(this.fs, join(this.directory, 'latest'), `step-${step}\n`);
    this.bestOf.set(step, best?.step);
    if (best) this.markBest(best.step);
    this.prune(step);
    return place;
  }

  /** Points `best` at a step's checkpoint, where it is there. */
  markBest(step: number): void {
    if (this.pointer('best') !== step && this.fs.existsSync(this.folder(step))) {
      replaceFile(this.fs, join(this.directory, 'best'), `step-${step}\n`);
    }
  }

  /**
   * Loads the newest or the best checkpoint, or that of a step. A damaged one is passed over for the next older, with a warning.
   * Undefined where there is none at all; a {@link CheckpointError} where all are damaged, or the step asked for is.
   */
  load(which: 'latest' | 'best' | number): LoadedCheckpoint | undefined {
    const found = this.steps();
    if (typeof which === 'number' && !found.includes(which)) {
      throw new CheckpointError(`Expected a checkpoint of step ${which} in ${this.directory}, got ${listed(found)}`);
    }
    const latest = this.pointer('latest');
    const wanted = typeof which === 'number' ? [which] : [which === 'best' ? this.pointer('best') : latest, latest];
    const others = typeof which === 'number' ? [] : found.reverse();
    const candidates = new Set([...wanted, ...others].filter((step) => step !== undefined));
    const problems: Error[] = [];
    for (const step of candidates) {
      try {
        const directory = this.folder(step);
        const checkpoint = readCheckpoint(this.fs, directory);
        const using = step === 0 ? 'the start' : `step ${step}`;
        if (problems.length > 0)
          this.warn(`${problems.map(({ message }) => message).join('; ')}; using the checkpoint of ${using}`);
        return { step, directory, ...checkpoint };
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        problems.push(error);
      }
    }
    if (problems.length === 1) throw problems[0];
    if (problems.length === 0) return undefined;
    const all = problems.map(({ message }) => message).join('; ');
    throw new CheckpointError(
      `Expected a whole checkpoint in ${this.directory}, got ${problems.length} damaged ones: ${all}`,
      {
        code: 'DAMAGED',
      },
    );
  }

  /** Forgets what comes after a checkpoint that training goes on from, and points at it and its best. */
  goBackTo(checkpoint: LoadedCheckpoint): void {
    this.clean();
    for (const step of this.steps()) {
      if (step > checkpoint.step) this.remove(step);
      else this.bestOf.set(step, this.bestKnownTo(step));
    }
    if (this.pointer('latest') !== checkpoint.step) {
      replaceFile(this.fs, join(this.directory, 'latest'), `step-${checkpoint.step}\n`);
    }
    const { best } = checkpoint.state;
    if (best) this.markBest(best.step);
    else this.fs.rmSync(join(this.directory, 'best'), { force: true });
  }

  private folder(step: number): string {
    return join(this.directory, `step-${step}`);
  }

  private names(): string[] {
    return this.fs.existsSync(this.directory) ? this.fs.readdirSync(this.directory) : [];
  }

  private pointer(name: 'latest' | 'best'): number | undefined {
    const path = join(this.directory, name);
    return this.fs.existsSync(path) ? stepOf(this.fs.readFileSync(path, 'utf8').trimEnd()) : undefined;
  }

  private bestKnownTo(step: number): number | undefined {
    try {
      const state = JSON.parse(this.fs.readFileSync(join(this.folder(step), 'state.json'), 'utf8'));
      return state.best?.step;
    } catch {
      return undefined;
    }
  }

  /** Keeps the newest and what each of them knows as best; the rest goes. */
  private prune(newest: number): void {
    const steps = this.steps().filter((step) => step <= newest);
    const kept = new Set<number | undefined>(steps.slice(-this.keep));
    for (const step of [...kept]) kept.add(this.bestOf.get(step!));
    kept.add(this.pointer('best'));
    for (const step of steps) if (!kept.has(step)) this.remove(step);
  }

  /** Takes a checkpoint out of sight in one rename before deleting it, so that no half of one is ever seen. */
  private remove(step: number): void {
    const hidden = join(this.directory, `.step-${step}.old`);
    this.fs.rmSync(hidden, { recursive: true, force: true });
    this.fs.renameSync(this.folder(step), hidden);
    this.fs.rmSync(hidden, { recursive: true, force: true });
    this.bestOf.delete(step);
  }

  private explain(place: string, error: unknown): CheckpointError {
    const cause = writeError(place, error);
    const intact = this.steps().at(-1);
    const rest = intact === undefined ? 'there is no earlier one' : `that of step ${intact} is intact`;
    return new CheckpointError(`${cause.message}; the checkpoint was not saved, ${rest}`, { code: cause.code, cause });
  }
}

function listed(steps: number[]): string {
  return steps.length === 0 ? 'none' : `those of ${steps.join(', ')}`;
}
