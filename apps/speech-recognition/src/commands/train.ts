import {
  addTrainOptions,
  addVerb,
  createProgress,
  formatCount,
  formatTable,
  planTraining,
  plural,
  runBase,
  settleTraining,
  startLeftovers,
  trainInFolder,
  trainingDisplay,
  type ActionContext,
  type DisplayedValidation,
  type Progress,
  type TrainOptions,
  type TrainVerb,
} from '@cadenza/cli';
import { assignWeights, CheckpointStore, type Metrics } from '@cadenza/core';
import type { SelectedBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import type { Command } from 'commander';
import { scoreFrames, scoreVocalTracts } from '../acoustics.js';
import { configSchema, hasSlowBudget, presetNames, resolveConfig, type Config, type ConfigSources } from '../config.js';
import { byRecording } from '../cutting.js';
import { dataRequest, embeddedName, readRequest, requestOf, type DataFlags } from '../dataRequest.js';
import { describeDropped } from '../dropped.js';
import { countsOf, scoreHeader, scoreRow, scoreTranscripts, type RecognitionScores } from '../evaluate.js';
import { configFlags } from '../flags.js';
import type { LanguageWeights } from '../languageModel.js';
import { checkSameData, prepareSpeech, type PreparedSpeech } from '../prepare.js';
import { writeReport } from '../report.js';
import {
  readRun,
  runFormat,
  startFiles,
  writeStart,
  writeWeights,
  type RunDescription,
  type SavedRun,
} from '../run.js';
import { createTraining, joinParts, likeliestLabels, type Training } from '../train.js';
import { tuneDecoding } from '../tuneDecoding.js';
import { partsOf } from '../utterances.js';
import { startBackend } from './backend.js';
import { tellOfRates } from './resampling.js';

type Options = TrainOptions & DataFlags;

const trainVerb: TrainVerb<Config, ConfigSources, SavedRun> = {
  name: 'speech-recognition',
  flags: configFlags,
  leftovers: startLeftovers(startFiles),
  ...{ presetNames, schema: configSchema, resolveConfig, hasSlowBudget, readRun },
};

export function addTrainVerb(program: Command): void {
  const data = 'a manifest, or a folder of recordings (default: the recordings that come with the app)';
  addVerb<Options>(program, 'train', 'train a model on recordings and what is said in them', trainCommand, (verb) => {
    verb
      .option('--data <path>', data)
      .option('--validation <manifest>', 'recordings to validate on (default: some that are held out)');
    addTrainOptions(verb, trainVerb);
  });
}

async function trainCommand(options: Options, context: ActionContext): Promise<void> {
  const { output, signal } = context;
  const plan = planTraining(trainVerb, options);
  const { directory, resume, saved } = plan;
  const request = dataRequest(options, saved && requestOf(saved.description)) ?? { source: embeddedName };
  const settled = await settleTraining(trainVerb, plan, (wishes) => startBackend(options, output, wishes), output);
  const { backend, config, reducedBudget } = settled;
  const corpus = await readRequest(request);
  let progress: Progress | undefined;
  let speech: PreparedSpeech;
  try {
    const onProgress = (done: number, total: number): void => {
      progress ??= createProgress(output, { label: 'read', total });
      progress.update(done);
    };
    speech = await prepareSpeech(corpus, config, {
      ...{ ...request, symbols: saved?.symbols, begun: saved?.description.data, onProgress, signal },
      onError: (error) => output.warn(`error: ${error.message}`),
      onResample: tellOfRates(output, config.features.sampleRate),
    });
  } finally {
    progress?.stop();
  }
  if (saved !== undefined) checkSameData(saved.description.data, speech.description, config);
  const describe = (training: Training): RunDescription => describeRun(training, backend, reducedBudget);
  await trainAndReport(directory, config, speech, { resume, backend, describe }, context);
}

interface FolderOptions {
  resume: boolean;
  backend: SelectedBackend;
  describe: (training: Training) => RunDescription;
}

async function trainAndReport(
  directory: string,
  config: Config,
  speech: PreparedSpeech,
  { resume, backend, describe }: FolderOptions,
  context: ActionContext,
): Promise<void> {
  const { output, signal } = context;
  const display = trainingDisplay(output, describeValidation);
  const training = createTraining(config, speech, {
    directory,
    signal,
    hooks: { ...display.hooks, onCheckpoint: () => void writeReport(directory, description) },
  });
  const description = describe(training);
  await trainInFolder(
    {
      ...{ directory, resume, leftovers: trainVerb.leftovers, training, display, backend, unit: 'frames' },
      writeStart: () => writeStart(directory, speech, description),
      introduction: introduce(training),
      evaluate: async () => {
        const finished = await evaluateBest(training, directory, context);
        if (finished === undefined) return undefined;
        const { scores, tuned } = finished;
        output.say(formatTable(scoreHeader, [scoreRow('validation', scores)]));
        const weights = tuned && describeWeights(tuned, speech, config);
        if (weights) output.say(weights);
        return { validation: scores };
      },
      writeReport: (evaluation) => writeReport(directory, description, evaluation),
    },
    output,
  );
}

function describeValidation({ wer, accuracy, loss }: Metrics): DisplayedValidation {
  const percent = (100 * wer).toFixed(1);
  return {
    short: `WER ${percent} %`,
    long: `WER ${percent} %, ${(100 * accuracy).toFixed(1)} % of recordings right, ${loss.toFixed(3)} nats a recording`,
  };
}

function introduce({ config, speech, model, plannedSteps }: Training): string {
  const { description, symbols, pipeline, language } = speech;
  const { layers, hiddenSize, cell, bidirectional } = config.model;
  const minutes = (description.seconds / 60).toFixed(1);
  const speakers = description.speakers > 0 ? `, ${plural(description.speakers, 'speaker')}` : '';
  const knows = language.model
    ? `, ${language.model.order}-gram model of ${plural(language.words.length, 'word')}`
    : '';
  return (
    `${plural(description.trained, 'recording')} (${minutes} minutes${speakers}) to learn from` +
    `${describeDropped(description.dropped, config)}, ` +
    `${description.validated} to validate on; ${plural(symbols.size - 1, 'symbol')}${knows}\n` +
    `${layers} x ${hiddenSize} ${cell}${bidirectional ? ' in both directions' : ''} over ${pipeline.dimension} features, ` +
    `${formatCount(model.parameterCount)} parameters; ${plural(plannedSteps, 'step')}`
  );
}

/** What the search goes by of what was found for it; nothing where it goes by the likeliest symbols. */
function describeWeights({ weight, wordBonus }: LanguageWeights, { language }: PreparedSpeech, config: Config): string {
  if (config.decoding.method === 'greedy') return '';
  return language.model ? `language model: weight ${weight}, word bonus ${wordBonus}` : `word bonus ${wordBonus}`;
}

/** Gives the model the best validation's weights, finds the best weights of the language, and measures the validation part. */
async function evaluateBest(
  training: Training,
  directory: string,
  { output, signal }: ActionContext,
): Promise<{ scores: RecognitionScores; tuned?: LanguageWeights } | undefined> {
  const { model, speech, config, rows } = training;
  if (signal.aborted) return undefined;
  const best = new CheckpointStore(directory, { onWarning: output.warn }).load('best');
  if (best !== undefined) assignWeights(model.parameters, best.weights);
  const references = speech.validation.map(({ text }) => text);
  try {
    if (config.task === 'classify') {
      const { pipeline, symbols, validation } = speech;
      const factors = config.decoding.vocalTracts;
      const parts = validation.map(partsOf);
      const heard = await scoreVocalTracts(model, pipeline, parts.flat(), { factors, signal });
      return { scores: countsOf(scoreTranscripts(references, joinParts(parts, likeliestLabels(heard, symbols)))) };
    }
    const parts = rows.map((row) => row.parts);
    const scores = byRecording(parts, await scoreFrames(model, parts.flat(), { signal }));
    let progress: Progress | undefined;
    try {
      const onProgress = (done: number, total: number): void => {
        progress ??= createProgress(output, { label: 'tune the search', total });
        progress.update(done);
      };
      const tuned = await tuneDecoding(scores, references, speech, config.decoding, { signal, onProgress });
      const { weight, wordBonus, ...result } = tuned;
      writeWeights(directory, { weight, wordBonus });
      return { scores: countsOf(result), tuned };
    } finally {
      progress?.stop();
    }
  } catch (error) {
    if (signal.aborted) return undefined; // half of a measurement says nothing
    throw error;
  }
}

function describeRun(
  { config, speech, model }: Training,
  backend: SelectedBackend,
  reducedBudget: boolean,
): RunDescription {
  const packageFile = new URL('../../package.json', import.meta.url);
  return {
    ...runBase(runFormat, packageFile, tf.version_core, { backend, reducedBudget }),
    config,
    data: speech.description,
    vocabulary: { size: speech.symbols.size, fingerprint: speech.symbols.fingerprint },
    parameters: model.parameterCount,
  };
}
