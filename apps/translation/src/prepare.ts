import { plural } from '@cadenza/cli';
import { ConfigError, InputError, Random } from '@cadenza/core';
import {
  CLEANING_REASONS,
  cleanPairs,
  fingerprintOf,
  readParallelCorpus,
  type CleaningReason,
  type SentencePair,
} from '@cadenza/text';
import { checkPairLengths } from './batches.js';
import { SentenceCodec } from './codec.js';
import type { Config } from './config.js';
import { languagesOf, nameOf, undetermined, type DataRequest, type PairSource } from './dataRequest.js';
import { makePhrases, type HeldOutPair } from './phrases/index.js';

/** One part of the data as it was read. */
export interface PartDescription {
  source: PairSource;
  /** SHA-256 of the pairs in their order. */
  fingerprint: string;
  pairs: number;
  /** Of embedded phrases, which are in the words of Node's ICU: its versions. */
  unicode?: { icu?: string; cldr?: string; unicode?: string };
}

/** Where a run's pairs came from, and how they are known to be the same again; part of `config.json`. */
export interface DataDescription extends PartDescription {
  /** How many pairs cleaning dropped, by reason. */
  dropped: Record<CleaningReason, number>;
  /** Pairs that are trained on. */
  trained: number;
  /** null where the validation pairs were held out of the others. */
  validation: PartDescription | null;
}

/** Pairs to train on, to validate on and, of embedded phrases, to test on. */
export interface PairParts {
  train: SentencePair[];
  validation: SentencePair[];
  test: HeldOutPair[] | null;
  languages: { source: string; target: string };
  description: DataDescription;
  /** Of pairs that were held out for validation, which they are of all that were read, counted from 1. */
  heldOut?: readonly number[];
}

/** A run's data with the codec that was learned from it. */
export interface PreparedPairs extends PairParts {
  codec: SentenceCodec;
}

/** Reads what is asked for, cleans the pairs to train on, and holds some out where no others are for validation. */
export async function readPairs(request: DataRequest, config: Config): Promise<PairParts> {
  const languages = languagesOf(request, config.languages);
  if (request.train.kind === 'embedded') return embeddedParts(config, languages);
  const all = await readPart(request.train, languages);
  const { pairs, dropped } = clean(all.pairs, config);
  if (pairs.length === 0) {
    const why = `got none of ${all.pairs.length} after cleaning (${describeDropped(dropped)})`;
    throw new InputError(`Expected pairs to train on in ${nameOf(request.train)}, ${why}`);
  }
  const validation = request.validation && (await readPart(request.validation, languages));
  const parts =
    validation === null
      ? holdOut(all.pairs, pairs, config, nameOf(request.train))
      : { train: pairs, validation: validation.pairs };
  return {
    ...{ ...parts, languages, test: null },
    description: {
      ...describe(all),
      ...{ dropped, trained: parts.train.length },
      validation: validation && describe(validation),
    },
  };
}

/** Pairs as they were read, and where from. */
interface ReadPart {
  source: PairSource;
  pairs: readonly SentencePair[];
}

function describe({ source, pairs }: ReadPart): PartDescription {
  return { source, fingerprint: fingerprintOf(pairs), pairs: pairs.length };
}

async function readPart(
  source: PairSource,
  languages: PairParts['languages'],
): Promise<{ source: PairSource; pairs: SentencePair[] }> {
  if (source.kind === 'embedded') throw new InputError('Expected files for this part, got the embedded phrases');
  const known = languages.source !== undetermined && languages.target !== undetermined;
  const from =
    source.kind === 'files'
      ? { source: source.source, target: source.target }
      : { path: source.path, languages: known ? languages : undefined };
  try {
    return { source, pairs: (await readParallelCorpus(from)).pairs };
  } catch (cause) {
    if (source.kind === 'files' || known || !(cause instanceof ConfigError)) throw cause;
    // A translation memory, whose languages the user names by these.
    throw new ConfigError(`${cause.message}; name them by --source-language and --target-language`, { cause });
  }
}

function embeddedParts({ seed, text }: Config, languages: PairParts['languages']): PairParts {
  const phrases = makePhrases({ ...languages, seed, count: text.embeddedPairs, heldOutCount: text.embeddedHeldOut });
  const { train, test } = phrases;
  // Mixed, so that the first of them, which training watches, are of both kinds too.
  const validation = new Random(holdOutSeed).shuffle([...phrases.validation]);
  const all = { source: { kind: 'embedded' as const }, pairs: [...train, ...phrases.validation, ...test] };
  const { icu, cldr, unicode } = process.versions;
  const dropped = Object.fromEntries(CLEANING_REASONS.map((reason) => [reason, 0])) as DataDescription['dropped'];
  return {
    ...{ train, validation, test, languages },
    description: {
      ...describe(all),
      unicode: { icu, cldr, unicode },
      dropped,
      trained: train.length,
      validation: null,
    },
  };
}

/** Learns the codec from the training pairs; with one that is there already, for a resumed run, that is taken. */
export function preparePairs(parts: PairParts, config: Config, codec?: SentenceCodec): PreparedPairs {
  // Where merges are dropped, draws decide which rare subwords are known: the same for every seed, so that runs make an ensemble.
  const random = new Random(vocabularySeed).fork('codec');
  const learned = codec ?? SentenceCodec.train(parts.train, config, parts.languages, random);
  const validated = parts.validation.slice(0, config.monitoring.validationPairs ?? undefined);
  checkPairLengths(validated, learned, config.training.batchTokens, validationPlaces(parts));
  return { ...dropTooLong(parts, learned, config), codec: learned };
}

/** Without the training pairs that no batch can hold, which are counted like those that cleaning dropped. */
function dropTooLong(parts: PairParts, codec: SentenceCodec, { training }: Config): PairParts {
  const limit = training.batchTokens;
  const fits = ({ source, target }: SentencePair): boolean =>
    codec.encode(source, 'source').ids.length <= limit && codec.encode(target, 'target').ids.length <= limit;
  const train = parts.train.filter(fits);
  const tooLong = parts.train.length - train.length;
  if (tooLong === 0) return parts;
  if (train.length === 0) {
    const wanted = `pairs to train on of at most training.batchTokens ${limit} subwords a side`;
    throw new InputError(`Expected ${wanted}, got none of ${tooLong}; take larger batches`);
  }
  const { description } = parts;
  const dropped = { ...description.dropped, tooLong: description.dropped.tooLong + tooLong };
  return { ...parts, train, description: { ...description, dropped, trained: train.length } };
}

/** How the sides of validation pairs are called: by their lines in two files, by their numbers in one. */
function validationPlaces({ description, heldOut }: PairParts): (index: number, side: 'source' | 'target') => string {
  const { source } = description.validation ?? description;
  const number = (index: number): number => (description.validation === null && heldOut?.[index]) || index + 1;
  if (source.kind === 'files') return (index, side) => `line ${number(index)} of ${source[side]}`;
  return (index, side) => `the ${side} of pair ${number(index)} of ${nameOf(source)}`;
}

/** Refuses data other than a run was started with. */
export function checkSameData(
  own: DataDescription,
  now: DataDescription,
  what = 'that the run was started with',
): void {
  const pairs = [
    ['the pairs', own, now],
    ['the validation pairs', own.validation, now.validation],
  ] as const;
  for (const [name, before, after] of pairs) {
    if (before?.fingerprint === after?.fingerprint) continue;
    const show = (part: PartDescription | null): string =>
      part === null
        ? 'none'
        : `${nameOf(part.source)} (SHA-256 ${part.fingerprint.slice(0, 12)}…, ${plural(part.pairs, 'pair')}${madeWith(part)})`;
    const hint = before?.source.kind === 'embedded' && after?.source.kind === 'embedded' ? icuHint : '';
    throw new InputError(`Expected ${name} ${what}, ${show(before)}, got ${show(after)}${hint}`);
  }
}

const icuHint = '; these phrases are in the words of the ICU that Node comes with, so use a Node that has the same';

function madeWith({ unicode }: PartDescription): string {
  if (unicode === undefined) return '';
  return ` by ICU ${unicode.icu}, CLDR ${unicode.cldr}, Unicode ${unicode.unicode}`;
}

/** What a run was trained on, to be read again. */
export function requestOf({ source, validation }: DataDescription): DataRequest {
  return { train: source, validation: validation?.source ?? null };
}

/** One line on what cleaning dropped. */
export function describeDropped(dropped: DataDescription['dropped']): string {
  const words = {
    empty: 'empty',
    tooLong: 'too long',
    ratio: 'of unequal lengths',
    identical: 'identical',
  };
  const parts = CLEANING_REASONS.filter((reason) => dropped[reason] > 0).map((reason) =>
    reason === 'duplicate' ? plural(dropped[reason], 'duplicate') : `${dropped[reason]} ${words[reason]}`,
  );
  return parts.length === 0 ? 'none dropped' : `dropped: ${parts.join(', ')}`;
}

function clean(pairs: readonly SentencePair[], { text }: Config): ReturnType<typeof cleanPairs> {
  return cleanPairs(pairs, {
    maximumTokens: text.maximumWords ?? undefined,
    maximumRatio: text.maximumRatio ?? undefined,
    duplicates: text.dropDuplicates,
    identical: text.dropIdentical,
  });
}

/** Pairs for validation of those that cleaning left of all, drawn by a fixed seed so that every run of one corpus holds out the same. */
function holdOut(
  all: readonly SentencePair[],
  pairs: readonly SentencePair[],
  { text }: Config,
  name: string,
): Pick<PairParts, 'train' | 'validation' | 'heldOut'> {
  const { validationPairs } = text;
  if (pairs.length <= validationPairs) {
    throw new InputError(
      `Expected more than ${validationPairs} pairs, which are held out for validation, got ${pairs.length} in ${name}; ` +
        'name others with --validation-source and --validation-target, or hold out fewer with --set text.validationPairs=N',
    );
  }
  const order = new Random(holdOutSeed).shuffle(Int32Array.from(pairs, (_, index) => index));
  const chosen = new Set(Array.from(order.subarray(0, validationPairs), (index) => pairs[index]));
  return {
    train: pairs.filter((pair) => !chosen.has(pair)),
    validation: pairs.filter((pair) => chosen.has(pair)),
    heldOut: all.flatMap((pair, index) => (chosen.has(pair) ? [index + 1] : [])),
  };
}

const holdOutSeed = 17;
const vocabularySeed = 1;
