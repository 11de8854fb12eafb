import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findDataPath } from '@cadenza/cli';
import { ConfigError } from '@cadenza/core';
import { readCorpus, readManifestFile, type Corpus, type Recording } from './corpora.js';
import { commandName, dataSets } from './dataSets.js';

/** The recordings that come with the app. */
export const embeddedFolder = fileURLToPath(new URL('../data', import.meta.url));
export const embeddedName = 'embedded';

/** What a training reads, by path. */
export interface DataRequest {
  /** A path, or {@link embeddedName}. */
  source: string;
  validationSource?: string;
}

export interface DataFlags {
  data?: string;
  validation?: string;
}

/** What the flags ask for, and besides what a run was started with; undefined where nothing is named. */
export function dataRequest({ data, validation }: DataFlags, saved?: DataRequest): DataRequest | undefined {
  if (data === undefined && validation !== undefined && saved === undefined) {
    throw new ConfigError('Expected --data beside --validation, got none');
  }
  if (data === undefined && saved === undefined) return undefined;
  return {
    source: data === undefined ? saved!.source : sourceOf(data),
    validationSource: validation === undefined ? saved?.validationSource : resolve(validation),
  };
}

function sourceOf(data: string): string {
  return data === embeddedName && !existsSync(data) ? embeddedName : resolve(findDataPath(data, dataSets, commandName));
}

/** What a run was trained on. */
export function requestOf({ data }: { data: { source: string; validationSource: string | null } }): DataRequest {
  return { source: data.source, validationSource: data.validationSource ?? undefined };
}

/** Reads the manifests or the folder that a request names. */
export async function readRequest({ source, validationSource }: DataRequest): Promise<Corpus> {
  const corpus = await readCorpus(source === embeddedName ? embeddedFolder : source);
  if (validationSource === undefined) return corpus;
  return { ...corpus, validation: await readManifestFile(validationSource) };
}

/** Single digits by the synthetic voices that come with the app. */
export function readSyntheticDigits(): Promise<Recording[]> {
  return readManifestFile(join(embeddedFolder, 'digits.jsonl'));
}
