import { createHash } from 'node:crypto';
import { NormalizationStatistics } from '@cadenza/audio';
import { InputError, Random } from '@cadenza/core';
import { changesSound } from './augmentation.js';
import type { Config } from './config.js';
import type { Corpus, Recording } from './corpora.js';
import { readSyntheticDigits } from './dataRequest.js';
import { describeDropped, usable, type DroppedRecordings } from './dropped.js';
import { FeaturePipeline } from './features.js';
import { learnLanguage, type LanguageKnowledge } from './languageModel.js';
import { cleanText, SymbolTable } from './symbols.js';
import { SampleStore } from './sampleStore.js';
import { checkFeatureFiles, loadUtterances, SoundLoader, type LoadOptions, type Utterance } from './utterances.js';
import { learnVoices, nameVoices } from './speakers.js';

/** Where a run's recordings came from, and how they are known to be the same again; part of `config.json`. */
export interface DataDescription {
  /** A path, or `embedded`. */
  source: string;
  validationSource: string | null;
  /** SHA-256 over the recordings' names, speakers, texts and frames, in their order. */
  fingerprint: string;
  trained: number;
  /** Recordings that are not trained on. Runs of before these were counted lack some of it, or all. */
  dropped: DroppedRecordings;
  validated: number;
  /** {@link fingerprintOf} what was held out of the training part to validate on; absent where that was a part of its own. */
  heldOut?: string;
  /** Seconds of sound that are trained on. */
  seconds: number;
  /** How many are named. */
  speakers: number;
}

/** Recordings to train on and to validate on, with what was learned from the former. */
export interface PreparedSpeech {
  train: Utterance[];
  validation: Utterance[];
  symbols: SymbolTable;
  pipeline: FeaturePipeline;
  language: LanguageKnowledge;
  description: DataDescription;
}

export interface PrepareOptions extends Pick<LoadOptions, 'onError' | 'signal'> {
  source: string;
  validationSource?: string;
  /** Those of the run that is resumed, and what it was begun with. */
  symbols?: SymbolTable;
  begun?: DataDescription;
  /** How many recordings are read, of how many. */
  onProgress?: (done: number, total: number) => void;
  /** Told of a rate that is not the model's, once, with the first recording that has it. */
  onResample?: (rate: number, recording: Recording) => void;
}

/** Reads recordings, holds some out where the corpus names none for validation, and learns symbols, statistics and language. */
export async function prepareSpeech(corpus: Corpus, config: Config, options: PrepareOptions): Promise<PreparedSpeech> {
  const parts = partsOf(corpus, config, options.source);
  if (options.begun === undefined) checkSoundIsThere(parts.train, config.augmentation);
  if (config.data.syntheticDigits) parts.train = [...parts.train, ...(await readSyntheticDigits())];
  const firstStep = new FeaturePipeline({ ...config.features, normalization: 'none' });
  const { loaded, validation } = await loadParts(parts, firstStep, config, options);
  const { kept: found, dropped } = usable(loaded, parts.train.length, config, firstStep, options.source, options.begun);
  const statistics = new NormalizationStatistics(firstStep.frameDimension * (1 + config.features.deltas));
  const voices = config.features.normalization === 'speaker' ? learnVoices(found, firstStep.loudness) : undefined;
  const pipeline = new FeaturePipeline(config.features, statistics, voices);
  const train = nameVoices(found, pipeline);
  // Of the frames as they are normalised: with differences, and without their speakers' voices where these are taken out.
  for (const { frames, voice } of train) statistics.add(pipeline.withDeltas(pipeline.center(frames, voice)));
  const texts = train.map(({ text }) => text);
  const symbols = options.symbols ?? SymbolTable.learn(texts, config.text);
  checkLabels(config, symbols, train);
  return {
    ...{ train, validation: nameVoices(validation, pipeline), symbols, pipeline },
    language: learnLanguage(texts, config),
    description: {
      ...describe(train, validation, options),
      ...(corpus.validation === null ? { heldOut: fingerprintOf(parts.validation) } : {}),
      dropped,
    },
  };
}

/** Refuses what is done to sound where there are features alone, to which it cannot be done. */
function checkSoundIsThere(recordings: readonly Recording[], augmentation: Config['augmentation']): void {
  const { volume, shelf, noise, reverberation } = augmentation;
  const wanted = Object.entries({
    ...{ volume, shelf },
    ...{ 'noise.probability': noise.probability, 'reverberation.probability': reverberation.probability },
  }).find(([, value]) => value > 0);
  const made = recordings.find(({ featurePath }) => featurePath !== undefined);
  if (wanted === undefined || made === undefined) return;
  const [name, value] = wanted;
  throw new InputError(
    `Expected augmentation.${name} to be 0 for files of features, whose sound is not there, got ${value}: ${made.featurePath}`,
  );
}

type Parts = { train: Recording[]; validation: Recording[] };

/** Which recordings of a corpus are trained on, and which are validated on: where it names none, those that are held out. */
export function trainingParts(corpus: Pick<Corpus, keyof Parts>, config: Config): Parts {
  const without = new Set(config.data.withoutSpeakers);
  const kept = (recordings: readonly Recording[]): Recording[] =>
    recordings.filter(({ speaker }) => speaker === undefined || !without.has(speaker));
  const train = kept(corpus.train);
  return corpus.validation === null ? holdOut(train, config) : { train, validation: kept(corpus.validation) };
}

/** Both parts, each with a text. */
function partsOf(corpus: Corpus, config: Config, source: string): Parts {
  checkSpeakers(corpus, new Set(config.data.withoutSpeakers), source);
  const parts = trainingParts(corpus, config);
  for (const [name, part] of Object.entries(parts)) {
    if (part.length === 0) {
      const others = [
        ...(corpus.testRule === undefined ? [] : [`${corpus.test.length} to test on (${corpus.testRule})`]),
        ...(corpus.validation === null && parts.validation.length > 0
          ? [`${parts.validation.length} held out for validation (data.heldOut ${config.data.heldOut})`]
          : []),
      ];
      const besides = others.length > 0 ? ` besides ${others.join(' and ')}` : '';
      throw new InputError(`Expected recordings for ${name} in ${source}, got none${besides}`);
    }
    const untold = part.find(({ text }) => text === undefined || text.trim() === '');
    if (untold) throw new InputError(`Expected a text with each recording, got none with ${untold.id} of ${source}`);
    checkFeatureFiles(part, config.features);
  }
  return parts;
}

async function loadParts(
  parts: Parts,
  pipeline: FeaturePipeline,
  config: Config,
  { source, validationSource = source, onProgress, onResample, onError, signal }: PrepareOptions,
): Promise<{ loaded: Utterance[]; validation: Utterance[] }> {
  const total = parts.train.length + parts.validation.length;
  const load = {
    ...{ clean: (text: string) => cleanText(text, config.text.casing), onError, signal },
    loader: new SoundLoader(pipeline.config.sampleRate, onResample),
  };
  const loaded = await loadUtterances(parts.train, pipeline, {
    ...load,
    store: changesSound(config.augmentation) ? new SampleStore() : undefined,
    onProgress: (done) => onProgress?.(done, total),
  });
  const validation = await loadUtterances(parts.validation, pipeline, {
    ...load,
    cut: true,
    onProgress: (done) => onProgress?.(parts.train.length + done, total),
  });
  if (validation.length > 0) return { loaded, validation };
  throw new InputError(
    `Expected recordings for validation in ${validationSource} that can be read, got none of ${parts.validation.length}`,
  );
}

function checkSpeakers({ train }: Corpus, without: ReadonlySet<string>, source: string): void {
  const known = new Set(train.map(({ speaker }) => speaker));
  for (const speaker of without) {
    if (known.has(speaker)) continue;
    const names = [...known].filter((name) => name !== undefined).sort();
    throw new InputError(
      `Expected data.withoutSpeakers to be speakers of ${source} (${names.join(', ')}), got ${speaker}`,
    );
  }
}

/** Holds recordings out for validation: whole speakers, or recordings of any. */
export function holdOut(
  recordings: readonly Recording[],
  { data, seed }: Config,
): { train: Recording[]; validation: Recording[] } {
  const random = new Random(data.holdOutSeed ?? seed).fork('held out');
  const wanted = Math.max(1, Math.round(data.heldOut * recordings.length));
  const speakers = [...new Set(recordings.map(({ speaker }) => speaker))].filter((name) => name !== undefined).sort();
  const held = new Set<Recording>();
  // With few speakers a whole one would be missed too much in training.
  if (data.holdOutBy === 'speaker' && speakers.length * data.heldOut >= 1 && speakers.length >= 3) {
    for (const speaker of random.shuffle(speakers)) {
      if (held.size >= wanted) break;
      for (const recording of recordings) if (recording.speaker === speaker) held.add(recording);
    }
  } else {
    for (const recording of random.shuffle([...recordings]).slice(0, wanted)) held.add(recording);
  }
  return {
    train: recordings.filter((recording) => !held.has(recording)),
    validation: recordings.filter((recording) => held.has(recording)),
  };
}

function checkLabels({ task }: Config, symbols: SymbolTable, utterances: readonly Utterance[]): void {
  if (task !== 'classify') return;
  const wrong = utterances.find(({ text }) => text.includes(' '));
  if (wrong)
    throw new InputError(
      `Expected one word as the label of each recording with task classify, got "${wrong.text}": ${wrong.id}`,
    );
  if (symbols.size < 3) throw new InputError(`Expected at least two labels to tell apart, got ${symbols.size - 1}`);
}

/** SHA-256 over the names, speakers and texts of recordings, in their order. */
export function fingerprintOf(recordings: readonly Recording[]): string {
  const named = recordings.map(({ id, speaker, text }) => [id, speaker, text]);
  return createHash('sha256').update(JSON.stringify(named)).digest('hex');
}

function describe(
  train: readonly Utterance[],
  validation: readonly Utterance[],
  options: PrepareOptions,
): Omit<DataDescription, 'dropped'> {
  const hash = createHash('sha256');
  for (const { id, speaker, text, frames } of [...train, ...validation]) {
    hash.update(JSON.stringify([id, speaker, text, frames.frames])).update(frames.values);
  }
  return {
    source: options.source,
    validationSource: options.validationSource ?? null,
    fingerprint: hash.digest('hex'),
    trained: train.length,
    validated: validation.length,
    seconds: train.reduce((sum, { seconds }) => sum + seconds, 0),
    speakers: new Set(train.flatMap(({ speaker }) => speaker ?? [])).size,
  };
}

/** Refuses to resume a run with other recordings. */
export function checkSameData(saved: DataDescription, found: DataDescription, config: Config): void {
  if (saved.fingerprint === found.fingerprint) return;
  const named = ({ source, validationSource, trained, validated }: DataDescription, dropped = ''): string =>
    `${trained} of ${source}${dropped} and ${validated} to validate on` +
    (validationSource === null ? '' : ` of ${validationSource}`);
  throw new InputError(
    `Expected the recordings that the run was started with, ${named(saved)}, ` +
      `got ${named(found, describeDropped(found.dropped, config))}, others in number, sound, texts or speakers; ` +
      'name or restore the same, or start a new run',
  );
}
