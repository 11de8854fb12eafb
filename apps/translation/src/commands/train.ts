import { resolve } from 'node:path';
import {
  addVerb,
  checkDiskSpace,
  checkRunFolder,
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
  writeRunStart,
  type ActionContext,
  type CommonOptions,
  type DisplayedValidation,
} from '@cadenza/cli';
import { assignWeights, CheckpointStore, InputError, type Metrics, type TensorData } from '@cadenza/core';
import type { SelectedBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import type { Command } from 'commander';
import { hasSlowBudget, presetNames, resolveConfig, type Config, type ConfigSources } from '../config.js';
import { dataRequest, type DataFlags } from '../dataRequest.js';
import { scoreHeader, scoreRow, scoreTranslations, type TranslationScores } from '../evaluate.js';
import { addConfigFlags, configFromFlags } from '../flags.js';
import { checkSameData, describeDropped, preparePairs, readPairs, requestOf, type PreparedPairs } from '../prepare.js';
import { writeReport } from '../report.js';
import {
  checkLanguages,
  checkSameConfig,
  checkSameModel,
  openRun,
  readRun,
  runFormat,
  vocabularyFile,
  type RunDescription,
} from '../run.js';
import { createTraining, type Training } from '../train.js';
import { Translator } from '../translator.js';
import { startBackend } from './backend.js';

interface TrainOptions extends CommonOptions, DataFlags {
  run?: string;
  preset?: string;
  config?: string;
  set?: string[];
  resume?: boolean;
  from?: string;
}

export function addTrainVerb(program: Command): void {
  const data =
    'a TSV or TMX file, a folder with train.LANGUAGE files, or a fetched data set’s name; .gz too (default: embedded phrases)';
  addVerb<TrainOptions>(program, 'train', 'train a model on pairs of sentences', trainCommand, (verb) => {
    verb
      .option('--data <path>', data)
      .option('--source <file>', 'sentences to translate, one a line')
      .option('--target <file>', 'their translations, line by line')
      .option('--validation-source <file>', 'sentences to validate on (default: pairs held out)')
      .option('--validation-target <file>', 'their translations')
      .option('--run <folder>', 'where the run is kept (default: a new folder in runs/)')
      .option('--preset <name>', `what to start from: ${presetNames().join(', ')} (default: default)`)
      .option('--config <file>', 'a JSON file of configuration values')
      .option('--set <key=value>', 'one configuration value, repeatable', repeated)
      .option(
        '--from <run>',
        'begin with the vocabulary and the best weights of a run; with its network too where no --preset is named',
      )
      .option('--resume', 'continue the run from its last checkpoint');
    addConfigFlags(verb);
  });
}

async function trainCommand(options: TrainOptions, context: ActionContext): Promise<void> {
  const { output } = context;
  const resume = options.resume ?? false;
  const directory = resolve(options.run ?? defaultRunFolder('translation'));
  checkRunFolder(directory, { resume, leftovers });
  const sources: ConfigSources = {
    preset: options.preset,
    file: options.config,
    flags: configFromFlags({ ...options }),
    assignments: options.set,
  };
  const start = options.from === undefined ? undefined : openRun(options.from, { onWarning: output.warn });
  if (start !== undefined) {
    if (resume) throw new InputError('Expected --from at the start of a run only, got it with --resume');
    sources.start = start.config;
  }
  const asked = resolveConfig(sources); // wrong values are found before the backend starts and the pairs are read
  const saved = resume ? readRun(directory) : undefined;
  if (saved?.description.averaged !== undefined) {
    const got = 'got averaged weights, which have no state of the training';
    throw new InputError(`Expected --run to be a run to resume, ${got}: ${directory}`);
  }
  const named = dataRequest(options, saved?.config.languages ?? asked.languages);
  const backend = await startBackend(options, output, {
    precision: saved?.description.precision ?? asked.precision,
    resumed: saved?.description,
  });
  const reducedBudget = saved?.description.reducedBudget ?? (!isFast(backend) && hasSlowBudget(sources.preset));
  if (reducedBudget) output.say(`The ${backend.name} backend is slow: taking the smaller budget of the preset`);
  const config = saved === undefined ? resolveConfig({ ...sources, reducedBudget }) : checkSameConfig(saved, sources);
  const request = named ?? (saved ? requestOf(saved.description.data) : embedded);
  const parts = await readPairs(request, config);
  if (saved !== undefined) checkSameData(saved.description.data, parts.description);
  if (start !== undefined) {
    checkLanguages(start, parts.languages);
    checkSameModel(start, config);
  }
  const pairs = preparePairs(parts, config, (saved ?? start)?.codec);
  const describe = (training: Training): RunDescription => ({
    ...describeRun(training, backend, reducedBudget),
    ...(start === undefined ? {} : { from: { run: start.directory, step: start.step } }),
  });
  await trainAndReport(directory, config, pairs, { resume, backend, describe, weights: start?.weights }, context);
}

const embedded = { train: { kind: 'embedded' as const }, validation: null };

interface FolderOptions {
  resume: boolean;
  backend: SelectedBackend;
  describe: (training: Training) => RunDescription;
  weights?: ReadonlyMap<string, TensorData>;
}

async function trainAndReport(
  directory: string,
  config: Config,
  pairs: PreparedPairs,
  { resume, backend, describe, weights }: FolderOptions,
  context: ActionContext,
): Promise<void> {
  const { output, signal } = context;
  const display = trainingDisplay(output, describeValidation);
  const training = createTraining(config, pairs, {
    ...{ directory, signal, weights },
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
      plan: { plannedSteps, maxMinutes: config.training.maxMinutes, unit: 'tokens' },
      writeStart: () => writeRunStart(directory, { [vocabularyFile]: pairs.codec.toJSON() }, description),
      introduction: introduce(training),
      finish: async (result) => {
        const evaluation = await evaluateBest(training, directory, context);
        if (evaluation !== undefined) {
          const rows = Object.entries(evaluation).map(([part, scores]) => scoreRow(part, scores));
          output.say(formatTable(scoreHeader, rows));
        }
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

/** What a start that was killed before there was a config.json may leave behind. */
const leftovers = startLeftovers([vocabularyFile]);

function describeValidation({ bleu, loss }: Metrics): DisplayedValidation {
  return { short: `BLEU ${bleu.toFixed(1)}`, long: `BLEU ${bleu.toFixed(2)}, ${loss.toFixed(4)} nats a token` };
}

function introduce({ config, pairs, model, plannedSteps }: Training): string {
  const { encoder, decoder } = config.model;
  const { source, target } = pairs.codec;
  const { source: from, target: to } = pairs.languages;
  return (
    `${from} to ${to}: ${pairs.train.length} pairs to learn from (${describeDropped(pairs.description.dropped)}), ` +
    `${pairs.validation.length} to validate on; ${pairs.codec.merges} merges, ` +
    `${source === target ? `${source.size} subwords` : `${source.size} and ${target.size} subwords`}\n` +
    `encoder ${encoder.layers} x ${encoder.units}, decoder ${decoder.layers} x ${decoder.units}, attention ${decoder.score}, ` +
    `${formatCount(model.parameterCount)} parameters; ${plannedSteps} steps`
  );
}

/** Gives the model the weights of the run's best validation and measures the whole validation part by beam search. */
async function evaluateBest(
  { model, pairs, config }: Training,
  directory: string,
  { output, signal }: ActionContext,
): Promise<{ validation: TranslationScores } | undefined> {
  if (signal.aborted) return undefined;
  const best = new CheckpointStore(directory, { onWarning: output.warn }).load('best');
  if (best !== undefined) assignWeights(model.parameters, best.weights);
  const part = pairs.validation.slice(0, config.monitoring.validationPairs ?? undefined);
  const translator = new Translator({ codec: pairs.codec, models: [model] });
  try {
    const lines = await translator.translate(
      part.map(({ source }) => source),
      { signal },
    );
    const scores = scoreTranslations(
      lines.map(({ text }) => text),
      part.map(({ target }) => target),
      { tokenize: config.monitoring.bleuTokenizer, lowercase: config.text.casing === 'lower' },
    );
    return { validation: scores };
  } catch (error) {
    if (signal.aborted) return undefined; // half of a measurement says nothing
    throw error;
  }
}

function describeRun(
  { config, pairs, model }: Training,
  backend: SelectedBackend,
  reducedBudget: boolean,
): RunDescription {
  const packageFile = new URL('../../package.json', import.meta.url);
  const { codec } = pairs;
  return {
    ...runBase(runFormat, packageFile, tf.version_core, { backend, reducedBudget }),
    config,
    languages: pairs.languages,
    data: pairs.description,
    vocabulary: { source: codec.source.size, target: codec.target.size, fingerprint: codec.fingerprint },
    parameters: model.parameterCount,
  };
}
