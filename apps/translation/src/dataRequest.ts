import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findDataPath } from '@cadenza/cli';
import { ConfigError, InputError } from '@cadenza/core';
import { isLanguageTag } from '@cadenza/text';
import { commandName, dataSets } from './dataSets.js';

/** Where pairs are read from: one file of both sides, two files, or the phrases that are made here. */
export type PairSource =
  { kind: 'embedded' } | { kind: 'file'; path: string } | { kind: 'files'; source: string; target: string };

/** What a training reads; without `validation`, some pairs are held out. */
export interface DataRequest {
  train: PairSource;
  validation: PairSource | null;
}

/** The flags that name data, as they were given. */
export interface DataFlags {
  data?: string;
  source?: string;
  target?: string;
  validationSource?: string;
  validationTarget?: string;
}

export interface LanguagePair {
  source: string | null;
  target: string | null;
}

/** What the flags ask for; undefined where they name nothing. */
export function dataRequest(flags: DataFlags, languages: LanguagePair): DataRequest | undefined {
  const { data, source, target, validationSource, validationTarget } = flags;
  const validation = twoFiles(validationSource, validationTarget, 'validation-');
  if (data !== undefined && (source !== undefined || target !== undefined)) {
    throw new ConfigError('Expected either --data or --source and --target, got both');
  }
  if (data !== undefined) {
    const found = findDataPath(data, dataSets, commandName);
    if (isFolder(found)) {
      const inFolder = requestOfFolder(found, languages);
      return { ...inFolder, validation: validation ?? inFolder.validation };
    }
    return { train: { kind: 'file', path: resolve(found) }, validation };
  }
  const train = twoFiles(source, target, '');
  if (train !== null) return { train, validation };
  if (validation === null) return undefined;
  throw new ConfigError('Expected --data or --source and --target beside --validation-source, got none');
}

function twoFiles(source: string | undefined, target: string | undefined, prefix: string): PairSource | null {
  if (source === undefined && target === undefined) return null;
  if (source === undefined || target === undefined) {
    const [given, missing] = source === undefined ? ['target', 'source'] : ['source', 'target'];
    throw new ConfigError(`Expected --${prefix}${missing} beside --${prefix}${given}, got none`);
  }
  return { kind: 'files', source: resolve(source), target: resolve(target) };
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** The files of a folder by their names: `train.LANGUAGE`, and `val`, `valid`, `validation` or `dev` beside them, `.gz` or not. */
function requestOfFolder(folder: string, { source, target }: LanguagePair): DataRequest {
  if (source === null || target === null) {
    throw new ConfigError(
      `Expected --source-language and --target-language for the files of a folder, got none: ${folder}`,
    );
  }
  const find = (part: string): PairSource | undefined => {
    const paths = [source, target].map((language) =>
      ['', '.gz'].map((end) => join(folder, `${part}.${language}${end}`)).find((path) => existsSync(path)),
    );
    const [first, second] = paths;
    if (first === undefined || second === undefined) return undefined;
    return { kind: 'files', source: resolve(first), target: resolve(second) };
  };
  const train = find('train');
  if (train === undefined) {
    throw new InputError(`Expected train.${source} and train.${target} (or .gz) in ${folder}, got none`);
  }
  const validation = ['val', 'valid', 'validation', 'dev'].map(find).find((found) => found !== undefined);
  return { train, validation: validation ?? null };
}

/** The languages of a request where they are not told: of the embedded phrases, or by the ends of two files' names. */
export function languagesOf({ train }: DataRequest, given: LanguagePair): { source: string; target: string } {
  const guess =
    train.kind === 'embedded'
      ? { source: 'en', target: 'pt' }
      : train.kind === 'files'
        ? { source: languageOfName(train.source), target: languageOfName(train.target) }
        : { source: undetermined, target: undetermined };
  return { source: given.source ?? guess.source, target: given.target ?? guess.target };
}

/** BCP 47's tag for a language that nobody has told. */
export const undetermined = 'und';

/** `de` of `train.de` or `train.de.gz`. */
function languageOfName(path: string): string {
  const end = /\.([a-z]{2,3}(?:[-_][A-Za-z]{2,4})?)(?:\.gz)?$/.exec(path)?.[1];
  const ofForm = ['gz', 'txt', 'tok', 'bpe', 'src', 'tgt', 'trg'];
  return end === undefined || ofForm.includes(end) || !isLanguageTag(end) ? undetermined : end;
}

/** A request's parts in words. */
export function nameOf(source: PairSource): string {
  if (source.kind === 'embedded') return 'embedded phrases';
  return source.kind === 'file' ? source.path : `${source.source} and ${source.target}`;
}
