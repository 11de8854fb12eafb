import {
  addTrainOptions,
  addVerb,
  formatCount,
  formatTable,
  planTraining,
  plural,
  runBase,
  settleTraining,
  startLeftovers,
  trainInFolder,
  trainingDisplay,
  writeRunStart,
  type ActionContext,
  type DisplayedValidation,
  type TrainOptions,
  type TrainVerb,
} from '@cadenza/cli';
import { InputError, type Metrics } from '@cadenza/core';
import type { SelectedBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import type { Command } from 'commander';
import { configSchema, hasSlowBudget, presetNames, resolveConfig, type Config, type ConfigSources } from '../config.js';
import { configFlags } from '../flags.js';
import { encodeCorpora, prepareText, readCorpora, rereadable, type PreparedText } from '../prepare.js';
import { writeReport } from '../report.js';
import { resultHeader, resultRows } from '../results.js';
import { checkSameData, readRun, runFormat, vocabularyFile, type RunDescription, type SavedRun } from '../run.js';
import { createTraining, evaluateBest } from '../train.js';
import { startBackend } from './backend.js';

interface Options extends TrainOptions {
  data?: string;
  validationData?: string;
}

const trainVerb: TrainVerb<Config, ConfigSources, SavedRun> = {
  name: 'text',
  flags: configFlags,
  leftovers: startLeftovers([vocabularyFile]),
  ...{ presetNames, schema: configSchema, resolveConfig, hasSlowBudget, readRun },
};

export function addTrainVerb(program: Command): void {
  const data = 'a text file, a folder of .txt files, - for standard input, or a fetched data set’s name';
  addVerb<Options>(program, 'train', 'train a model on a text', trainCommand, (verb) => {
    verb
      .option('--data <path>', `${data} (default: the embedded WordNet glosses)`)
      .option('--validation-data <path>', 'a text to validate on (default: the last part of the text)');
    addTrainOptions(verb, trainVerb);
  });
}

async function trainCommand(options: Options, context: ActionContext): Promise<void> {
  const { output, signal } = context;
  const plan = planTraining(trainVerb, options);
  const { directory, resume, saved } = plan;
  if (saved?.description.exported !== undefined) {
    throw new InputError(
      `Expected --run to be a run to resume, got an exported folder, which has no state of the training: ${directory}`,
    );
  }
  const settled = await settleTraining(trainVerb, plan, (wishes) => startBackend(options, output, wishes), output);
  const { backend, config, reducedBudget } = settled;
  const corpora = await readCorpora(config, {
    data: options.data ?? rereadable(saved?.description.data.source),
    validationData:
      options.validationData ??
      rereadable(
        saved?.description.data.validation?.source,
        'the validation text',
        'pipe it in again with --validation-data -, or name it with --validation-data',
      ),
    signal,
  });
  if (saved !== undefined) checkSameData(saved, corpora.description);
  const text = saved === undefined ? prepareText(corpora, config) : encodeCorpora(corpora, saved.tokenizer, config);
  const describe = (parts: { config: Config; parameters: number }): RunDescription =>
    describeRun(parts, text, backend, reducedBudget);
  await trainAndReport(directory, config, text, { resume, backend, describe }, context);
}

interface FolderOptions {
  resume: boolean;
  backend: SelectedBackend;
  describe: (parts: { config: Config; parameters: number }) => RunDescription;
}

async function trainAndReport(
  directory: string,
  config: Config,
  text: PreparedText,
  { resume, backend, describe }: FolderOptions,
  context: ActionContext,
): Promise<void> {
  const { output, signal } = context;
  const display = trainingDisplay(output, describeValidation);
  const training = createTraining(config, text, {
    directory,
    signal,
    hooks: { ...display.hooks, onCheckpoint: () => void writeReport(directory, description) },
  });
  const { model, plannedSteps } = training;
  const description = describe({ config: training.config, parameters: model.parameterCount });
  const unit = config.text.level === 'word' ? 'words' : 'chars';
  await trainInFolder(
    {
      ...{ directory, resume, leftovers: trainVerb.leftovers, training, display, backend, unit },
      writeStart: () => writeRunStart(directory, { [vocabularyFile]: text.tokenizer.toJSON() }, description),
      introduction:
        `${config.model.layers} x ${config.model.hiddenSize} ${config.model.cell}, ${formatCount(model.parameterCount)} parameters; ` +
        `${formatCount(text.train.length)} ${unit} to learn from, ${formatCount(text.validation.length)} to validate on, ` +
        `${text.tokenizer.vocabulary.size} different; ${plural(plannedSteps, 'step')}`,
      evaluate: async () => {
        const measured = signal.aborted ? undefined : await evaluateBest(training, directory, context);
        const evaluation = signal.aborted ? undefined : measured; // half of one says nothing
        if (evaluation !== undefined) output.say(formatTable(resultHeader, resultRows(evaluation)));
        return evaluation;
      },
      writeReport: (evaluation) => writeReport(directory, description, evaluation),
    },
    output,
  );
}

function describeValidation({ loss, bits }: Metrics): DisplayedValidation {
  const short = loss.toFixed(4);
  return { short, long: `${short} nats, ${bits.toFixed(3)} bits` };
}

function describeRun(
  { config, parameters }: { config: Config; parameters: number },
  text: PreparedText,
  backend: SelectedBackend,
  reducedBudget: boolean,
): RunDescription {
  const packageFile = new URL('../../package.json', import.meta.url);
  const { vocabulary, fingerprint } = text.tokenizer;
  return {
    ...runBase(runFormat, packageFile, tf.version_core, { backend, reducedBudget }),
    config,
    data: text.description,
    vocabulary: { size: vocabulary.size, fingerprint },
    parameters,
  };
}
