import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, defaultFileSystem, InputError, replaceFile } from '@cadenza/core';
import type { z } from 'zod';
import { readJsonObject } from './configuration.js';
import { isRun } from './runFolder.js';
import { leafKeys } from './schema.js';
import { isObject, valueAt } from './values.js';

/** The file that makes a folder a run. */
const configFile = 'config.json';

/** The file `config.json` of any command's run: what the training was given, and with what it ran. */
export interface RunDescriptionBase {
  /** The command's name for its runs. */
  format: string;
  version: number;
  versions: { cadenza: string; tfjs: string; node: string };
  created: string;
  /** These three: what the last session computed with. */
  backend: string;
  threads: number;
  /** It may be less than was asked for. */
  precision: 'f32' | 'bf16';
  /** True where the preset's smaller budget for slow backends was taken. */
  reducedBudget: boolean;
  config: unknown;
  parameters: number;
}

/**
 * What every run's description begins with: the versions of now, and what computes.
 * @param packageFile the command's package.json
 */
export function runBase<Format extends string>(
  format: Format,
  packageFile: URL,
  tfjs: string,
  { backend, reducedBudget }: { backend: RunBackend; reducedBudget: boolean },
) {
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
  return {
    format,
    version: 1,
    versions: { cadenza: version, tfjs, node: process.version },
    created: new Date().toISOString(),
    ...{ backend: backend.name, threads: backend.threads, precision: backend.precision, reducedBudget },
  };
}

/** What computes, as far as a run keeps it. */
type RunBackend = Pick<RunDescriptionBase, 'threads' | 'precision'> & { name: string };

/** Reads a run's `config.json`: a run of this format, version 1, whose named parts are objects. */
export function readRunDescription<Description extends RunDescriptionBase>(
  directory: string,
  { format, parts }: { format: Description['format']; parts: readonly (keyof Description & string)[] },
): Description {
  if (!isRun(directory)) {
    const there = statSync(directory, { throwIfNoEntry: false });
    const got = there === undefined ? 'nothing there' : there.isDirectory() ? 'one without config.json' : 'a file';
    throw new InputError(`Expected --run to be a run folder, got ${got}: ${directory}`);
  }
  const description = readJsonObject(
    join(directory, configFile),
    'the run’s config.json',
  ) as unknown as Partial<Description>;
  if (description.format !== format || description.version !== 1) {
    const got = `${description.format ?? 'no format'}, version ${description.version ?? 'none'}`;
    throw new InputError(`Expected a run of ${format}, version 1, got ${got}: ${directory}`);
  }
  const missing = parts.find((part) => !isObject(description[part]));
  if (missing !== undefined) {
    throw new InputError(`Expected ${missing} in ${join(directory, configFile)}, got a file without; it is damaged`);
  }
  return description as Description;
}

/** The first files of a run by name; config.json, the last of them, makes the folder a run that can be resumed. */
export function writeRunStart(
  directory: string,
  files: Readonly<Record<string, unknown>>,
  description: RunDescriptionBase,
): void {
  for (const [name, value] of Object.entries(files)) {
    replaceFile(defaultFileSystem, join(directory, name), `${JSON.stringify(value, null, 1)}\n`);
  }
  replaceFile(defaultFileSystem, join(directory, configFile), `${JSON.stringify(description, null, 2)}\n`);
}

/** Writes a resumed run's configuration, whose limits may be other ones, and what computes it now into its `config.json`. */
export function rewriteConfig(directory: string, config: unknown, backend: RunBackend): void {
  const path = join(directory, configFile);
  const description = readJsonObject(path, 'the run’s config.json');
  const { name, threads, precision } = backend;
  const rewritten = { ...description, backend: name, threads, precision, config };
  if (JSON.stringify(rewritten) === JSON.stringify(description)) return;
  replaceFile(defaultFileSystem, path, `${JSON.stringify(rewritten, null, 2)}\n`);
}

/** What a start that was killed before there was a config.json may leave behind of such files. */
export function startLeftovers(files: readonly string[]): string[] {
  return [...files, ...[...files, configFile].map((name) => `.${name}.tmp`)];
}

/** What may differ in any resumed run: how long it goes on, up to where its learning rate falls, and what is watched. */
const freeKeys = [
  ...['training.maxSteps', 'training.maxMinutes', 'training.epochs', 'training.schedule.steps'],
  'monitoring.',
];

/**
 * What of them says by which measure the best step is chosen: steps by two measures cannot be compared. (How much is validated on, and by
 * which beam, may change all the same.)
 */
const choosingKeys = ['monitoring.criterion', 'monitoring.bleuTokenizer'];

const isFree = (key: string): boolean =>
  freeKeys.some((prefix) => key.startsWith(prefix)) && !choosingKeys.includes(key);

/** Refuses a configuration that would make a resumed run another than the one that was started. */
export function checkSameValues<Config>(schema: z.ZodType<Config>, own: Config, asked: Config): void {
  for (const key of leafKeys(schema)) {
    const path = key.split('.');
    const [before, now] = [valueAt(own, path), valueAt(asked, path)];
    if (JSON.stringify(before) === JSON.stringify(now) || isFree(key)) continue;
    throw new ConfigError(
      `Expected ${key} to stay ${JSON.stringify(before)} in a resumed run, got ${JSON.stringify(now)}; start a new run for that`,
    );
  }
}

/** A new run's folder where none is named: of this second, in `runs/`. */
export function defaultRunFolder(prefix: string): string {
  const now = new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `runs/${prefix}-${now}`;
}
