import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CadenzaError, InputError, plural } from '@cadenza/core';
import type { Command } from 'commander';
import { addVerb, type ActionContext, type CommonOptions } from '../command.js';
import { createProgress, formatCount, type Progress } from '../progress.js';
import { nearest, suggestion } from '../suggest.js';
import { formatTable } from '../table.js';
import type { DataFile, DataSet } from './dataSet.js';
import { download } from './download.js';
import { unpack } from './unpack.js';

interface GetOptions extends CommonOptions {
  to?: string;
}

/** Adds `data get NAME` and `data list` for the data sets that a command knows. */
export function addDataVerbs(program: Command, dataSets: readonly DataSet[]): void {
  const command = program.name();
  const data = program.command('data').description('fetch a public data set from its own source').helpCommand(false);
  data.version(program.version() ?? '');
  addVerb<GetOptions>(
    data,
    'get',
    'fetch one data set; its path goes to standard output',
    (options, context, name) => getDataSet({ dataSets, command }, name, options, context),
    (verb) =>
      verb
        .argument('<name>', 'which, see data list')
        .option('--to <folder>', 'where to (default: data/NAME in this folder)'),
  );
  addVerb(data, 'list', 'list the data sets', (_, { output }) => {
    const rows = dataSets.map((set) => [set.name, sizeOf(set), set.title, set.licence]);
    if (!output.json) output.write(`${formatTable(['name', 'bytes', 'what', 'licence'], rows)}\n`);
    output.object({
      data_sets: dataSets.map(({ name, title, licence, homepage, files }) => ({
        name,
        title,
        licence,
        homepage,
        files,
      })),
    });
  });
}

/** The folder a data set goes to unless told otherwise. */
function defaultFolder(name: string): string {
  return join('data', name);
}

/**
 * `--data NAME` of a data set fetched into its default folder is as good as its path; anything else is a path.
 * @param command what fetches it, such as `cadenza-text`
 */
export function findDataPath(path: string, dataSets: readonly DataSet[], command: string): string {
  const set = dataSets.find(({ name }) => name === path);
  if (path === '-' || existsSync(path)) return path;
  if (set === undefined) {
    const names = dataSets.map(({ name }) => name);
    const near = nearest(path, names);
    if (near === undefined || basename(path) !== path) return path;
    throw new InputError(`Expected a path or a fetched data set, got ${path}; did you mean ${near}?`);
  }
  const fetched = join(defaultFolder(set.name), set.use);
  if (existsSync(fetched)) return fetched;
  const get = `${command} data get ${path}`;
  throw new InputError(`Expected the data set ${path} to be fetched, got nothing at ${fetched}; run: ${get}`);
}

async function getDataSet(
  { dataSets, command }: { dataSets: readonly DataSet[]; command: string },
  name: string,
  options: GetOptions,
  context: ActionContext,
): Promise<void> {
  const { output } = context;
  const set = dataSets.find((known) => known.name === name);
  if (set === undefined) {
    const known = dataSets.map((each) => each.name);
    throw new InputError(`Expected a known data set, got "${name}"${suggestion(name, known)}`);
  }
  const folder = options.to ?? defaultFolder(name);
  output.say(`${set.title} (${set.licence}), ${set.homepage}`);
  for (const [index, file] of set.files.entries()) {
    const others = set.files.length - index - 1;
    const listed = `${plural(others, 'more file')} (${command} data list --json has all of them)`;
    const more = others === 0 ? '' : `, and ${listed} into ${resolve(folder)}`;
    try {
      await getFile(file, join(folder, file.path), more, context);
    } catch (error) {
      if (context.signal.aborted) return;
      throw error;
    }
  }
  const path = resolve(folder, set.use);
  if (output.json) output.object({ name, path, files: set.files.map((file) => resolve(folder, file.path)) });
  else output.write(`${path}\n`);
}

/** @param more what is to be put elsewhere besides where the file has to be fetched by hand */
async function getFile(file: DataFile, path: string, more: string, { output, signal }: ActionContext): Promise<void> {
  let progress: Progress | undefined;
  const onProgress = (done: number, total: number | undefined): void => {
    progress ??= createProgress(output, { label: file.path, total: file.bytes ?? total ?? Infinity, interval: 2 });
    progress.update(done);
  };
  const fetched = await download(file.url, path, { sha256: file.sha256, signal, onProgress })
    .finally(() => progress?.stop())
    .catch((error: unknown) => {
      throw failure(error, file, path, more);
    });
  output.say(`${path}: ${fetched ? 'fetched' : 'already there'}, SHA-256 as expected`);
  if (file.unpacks === undefined) return;
  const unpacked = await unpack(path, file.unpacks);
  output.say(`${join(dirname(path), file.unpacks)}: ${unpacked ? 'unpacked' : 'already there'}`);
}

/** Says what failed and how the file gets there by hand; a wrong file that stands in the way stays the caller's error. */
function failure(error: unknown, file: DataFile, path: string, more: string): Error {
  if (error instanceof InputError) return error;
  const reason = error instanceof Error ? reasonOf(error) : String(error);
  const hint = `to do it by hand, put ${file.url} (SHA-256 ${file.sha256}) at ${resolve(path)}${more}`;
  return new CadenzaError(`Expected to fetch ${file.url}, got: ${reason}; ${hint}`, { code: 'DOWNLOAD', cause: error });
}

/** `fetch failed` says nothing; its cause (no such host, refused, reset) does. */
function reasonOf(error: Error): string {
  const cause = error.cause as (Error & { code?: string }) | undefined;
  if (cause === undefined) return error.message;
  return cause.message || cause.code || error.message;
}

function sizeOf({ files }: DataSet): string {
  const sizes = files.flatMap(({ bytes }) => bytes ?? []);
  return sizes.length < files.length ? '?' : formatCount(sizes.reduce((sum, bytes) => sum + bytes, 0));
}
