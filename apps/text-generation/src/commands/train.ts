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
import { InputError, type Metrics } from '@cadenza/core';
import type { SelectedBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import type { Command } from 'commander';
import { hasSlowBudget, presetNames, resolveConfig, type Config, type ConfigSources } from '../config.js';
import { addConfigFlags, configFromFlags } from '../flags.js';
import { encodeCorpora, prepareText, readCorpora, rereadable, type PreparedText } from '../prepare.js';
import { writeReport } from '../report.js';
import { resultHeader, resultRows } from '../results.js';
import { checkSameConfig, checkSameData, readRun, runFormat, vocabularyFile, type RunDescription } from '../run.js';
import { createTraining, evaluateBest } from '../train.js';
import { startBackend } from './backend.js';

interface TrainOptions extends CommonOptions {
  data?: string;
  validationData?: string;
  run?: string;
  preset?: string;
  config?: string;
  set?: string[];
  resume?: boolean;
}

export function addTrainVerb(program: Command): void {
  const data = 'a text file, a folder of .txt files, - for standard input, or a fetched data set’s name';
  addVerb<TrainOptions>(program, 'train', 'train a model on a text', trainCommand, (verb) => {
    verb
      .option('--data <path>', `${data} (default: the embedded WordNet glosses)`)
      .option('--validation-data <path>', 'a text to validate on (default: the last part of the text)')
      .option('--run <folder>', 'where the run is kept (default: a new folder in runs/)')
      .option('--preset <name>', `what to start from: ${presetNames().join(', ')} (default: default)`)
      .option('--config <file>', 'a JSON file of configuration values')
      .option('--set <key=value>', 'one configuration value, repeatable', repeated)
      .option('--resume', 'continue the run from its last checkpoint');
    addConfigFlags(verb);
  });
}

async function trainCommand(options: TrainOptions, context: ActionContext): Promise<void> {
  const { output } = context;
  const resume = options.resume ?? false;
  const directory = resolve(options.run ?? defaultRunFolder('text'));
  checkRunFolder(directory, { resume, leftovers });
  const sources: ConfigSources = {
    preset: options.preset,
    file: options.config,
    flags: configFromFlags({ ...options }),
    assignments: options.set,
  };
  const asked = resolveConfig(sources); // wrong values are found before the backend starts and the text is read
  const saved = resume ? readRun(directory) : undefined;
  if (saved?.description.exported !== undefined) {
    throw new InputError(
      `Expected --run to be a run to resume, got an exported folder, which has no state of the training: ${directory}`,
    );
  }
  const backend = await startBackend(options, output, {
    precision: saved?.description.precision ?? asked.precision,
    resumed: saved?.description,
  });
  const reducedBudget = saved?.description.reducedBudget ?? (!isFast(backend) && hasSlowBudget(sources.preset));
  if (reducedBudget) output.say(`The ${backend.name} backend is slow: taking the smaller budget of the preset`);
  const config = saved === undefined ? resolveConfig({ ...sources, reducedBudget }) : checkSameConfig(saved, sources);
  const corpora = await readCorpora(config, {
    data: options.data ?? rereadable(saved?.description.data.source),
    validationData: options.validationData ?? saved?.description.data.validation?.source,
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
  const { model, trainer, plannedSteps } = training;
  const description = describe({ config: training.config, parameters: model.parameterCount });
  if (!resume) checkDiskSpace(directory, model.parameterCount, config.training);
  const unit = config.text.level === 'word' ? 'words' : 'chars';
  await trainInFolder(
    {
      ...{ directory, resume, leftovers, trainer, display },
      plan: { plannedSteps, maxMinutes: config.training.maxMinutes, unit },
      writeStart: () => writeRunStart(directory, { [vocabularyFile]: text.tokenizer.toJSON() }, description),
      introduction:
        `${config.model.layers} x ${config.model.hiddenSize} ${config.model.cell}, ${formatCount(model.parameterCount)} parameters; ` +
        `${formatCount(text.train.length)} ${unit} to learn from, ${formatCount(text.validation.length)} to validate on, ` +
        `${text.tokenizer.vocabulary.size} different; ${plannedSteps} steps`,
      finish: async (result) => {
        const measured = signal.aborted ? undefined : await evaluateBest(training, directory, context);
        const evaluation = signal.aborted ? undefined : measured; // half of one says nothing
        if (evaluation !== undefined) output.say(formatTable(resultHeader, resultRows(evaluation)));
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
