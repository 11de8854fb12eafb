import { resolve } from 'node:path';
import {
  addVerb,
  checkDiskSpace,
  checkRunFolder,
  createProgress,
  defaultRunFolder,
  formatCount,
  formatTable,
  isFast,
  repeated,
  runBase,
  startLeftovers,
  trainInFolder,
  trainingDisplay,
  trainingSummary,
  type ActionContext,
  type CommonOptions,
  type DisplayedValidation,
  type Progress,
} from '@cadenza/cli';
import { assignWeights, CheckpointStore, type Metrics } from '@cadenza/core';
import type { SelectedBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import type { Command } from 'commander';
import { scoreFrames, scoreVocalTracts } from '../acoustics.js';
import { hasSlowBudget, presetNames, resolveConfig, type Config, type ConfigSources } from '../config.js';
import { dataRequest, embeddedName, readRequest, type DataFlags, type DataRequest } from '../dataRequest.js';
import { countsOf, scoreHeader, scoreRow, scoreTranscripts, type RecognitionScores } from '../evaluate.js';
import { addConfigFlags, configFromFlags } from '../flags.js';
import type { LanguageWeights } from '../languageModel.js';
import { checkSameData, prepareSpeech, type PreparedSpeech } from '../prepare.js';
import { writeReport } from '../report.js';
import {
  checkSameConfig,
  readRun,
  runFormat,
  startFiles,
  writeStart,
  writeWeights,
  type RunDescription,
} from '../run.js';
import { createTraining, likeliestLabels, type Training } from '../train.js';
import { tuneDecoding } from '../tuneDecoding.js';
import { startBackend } from './backend.js';

interface TrainOptions extends CommonOptions, DataFlags {
  run?: string;
  preset?: string;
  config?: string;
  set?: string[];
  resume?: boolean;
  withoutSpeaker?: string[];
}

export function addTrainVerb(program: Command): void {
  const data = 'a manifest, or a folder of recordings (default: the recordings that come with the app)';
  addVerb<TrainOptions>(
    program,
    'train',
    'train a model on recordings and what is said in them',
    trainCommand,
    (verb) => {
      verb
        .option('--data <path>', data)
        .option('--validation <manifest>', 'recordings to validate on (default: some that are held out)')
        .option('--without-speaker <name>', 'leave a speaker out, to test on; repeatable', repeated)
        .option('--run <folder>', 'where the run is kept (default: a new folder in runs/)')
        .option('--preset <name>', `what to start from: ${presetNames().join(', ')} (default: default)`)
        .option('--config <file>', 'a JSON file of configuration values')
        .option('--set <key=value>', 'one configuration value, repeatable', repeated)
        .option('--resume', 'continue the run from its last checkpoint');
      addConfigFlags(verb);
    },
  );
}

async function trainCommand(options: TrainOptions, context: ActionContext): Promise<void> {
  const { output, signal } = context;
  const resume = options.resume ?? false;
  const directory = resolve(options.run ?? defaultRunFolder('speech-recognition'));
  checkRunFolder(directory, { resume, leftovers });
  const sources: ConfigSources = {
    preset: options.preset,
    file: options.config,
    flags: flagValues(options),
    assignments: options.set,
  };
  const asked = resolveConfig(sources); // wrong values are found before the backend starts and recordings are read
  const saved = resume ? readRun(directory) : undefined;
  const named = dataRequest(options);
  const backend = await startBackend(options, output, {
    precision: saved?.description.precision ?? asked.precision,
    resumed: saved?.description,
  });
  const reducedBudget = saved?.description.reducedBudget ?? (!isFast(backend) && hasSlowBudget(sources.preset));
  if (reducedBudget) output.say(`The ${backend.name} backend is slow: taking the smaller budget of the preset`);
  const config = saved === undefined ? resolveConfig({ ...sources, reducedBudget }) : checkSameConfig(saved, sources);
  const request = named ?? requestOf(saved?.description) ?? { source: embeddedName };
  const corpus = await readRequest(request);
  let progress: Progress | undefined;
  let speech: PreparedSpeech;
  try {
    const onProgress = (done: number, total: number): void => {
      progress ??= createProgress(output, { label: 'read', total });
      progress.update(done);
    };
    speech = await prepareSpeech(corpus, config, { ...request, symbols: saved?.symbols, onProgress, signal });
  } finally {
    progress?.stop();
  }
  if (saved !== undefined) checkSameData(saved.description.data, speech.description);
  const describe = (training: Training): RunDescription => describeRun(training, backend, reducedBudget);
  await trainAndReport(directory, config, speech, { resume, backend, describe }, context);
}

/** The flags' values; those that left out speakers are given one by one. */
function flagValues({ withoutSpeaker, ...options }: TrainOptions) {
  const values = configFromFlags({ ...options });
  return withoutSpeaker === undefined
    ? values
    : { ...values, data: { ...(values.data as object), withoutSpeakers: withoutSpeaker } };
}

function requestOf(description: RunDescription | undefined): DataRequest | undefined {
  return (
    description && { source: description.data.source, validationSource: description.data.validationSource ?? undefined }
  );
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
  const { model, trainer, plannedSteps } = training;
  const description = describe(training);
  if (!resume) {
    checkDiskSpace(directory, model.parameterCount, config.training, config.monitoring.keepCheckpoints);
  }
  await trainInFolder(
    {
      ...{ directory, resume, leftovers, trainer, display },
      plan: { plannedSteps, maxMinutes: config.training.maxMinutes, unit: 'frames' },
      writeStart: () => writeStart(directory, speech, description),
      introduction: introduce(training),
      finish: async (result) => {
        const finished = await evaluateBest(training, directory, context);
        if (finished !== undefined) {
          const { scores, tuned } = finished;
          output.say(formatTable(scoreHeader, [scoreRow('validation', scores)]));
          if (tuned) output.say(`language model: weight ${tuned.weight}, word bonus ${tuned.wordBonus}`);
        }
        const evaluation = finished && { validation: finished.scores };
        const report = writeReport(directory, description, evaluation);
        output.say(`run: ${directory}\nreport: ${report}`);
        output.object({
          run: directory,
          ...trainingSummary(result),
          backend: backend.name,
          precision: backend.precision,
          parameters: model.parameterCount,
          ...(evaluation === undefined ? {} : { evaluation }),
          report,
        });
      },
    },
    output,
  );
}

const leftovers = startLeftovers(startFiles);

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
  const knows = language.model ? `, ${language.model.order}-gram model of ${language.words.length} words` : '';
  return (
    `${description.trained} recordings (${minutes} minutes, ${description.speakers} speakers) to learn from, ` +
    `${description.validated} to validate on; ${symbols.size - 1} symbols${knows}\n` +
    `${layers} x ${hiddenSize} ${cell}${bidirectional ? ' in both directions' : ''} over ${pipeline.dimension} features, ` +
    `${formatCount(model.parameterCount)} parameters; ${plannedSteps} steps`
  );
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
      const heard = await scoreVocalTracts(model, pipeline, validation, { factors, signal });
      return { scores: countsOf(scoreTranscripts(references, likeliestLabels(heard, symbols))) };
    }
    const scores = await scoreFrames(
      model,
      rows.map(({ features }) => features),
      { signal },
    );
    const progress = createProgress(output, { label: 'tune the search', total: 1 });
    try {
      const onProgress = (done: number, total: number): void => progress.update(done / total);
      const tuned = await tuneDecoding(scores, references, speech, config.decoding, { signal, onProgress });
      const { weight, wordBonus, ...result } = tuned;
      writeWeights(directory, { weight, wordBonus });
      return { scores: countsOf(result), tuned };
    } finally {
      progress.stop();
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
