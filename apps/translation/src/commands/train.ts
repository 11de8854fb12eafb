import {
  addTrainOptions,
  addVerb,
  createProgress,
  formatTable,
  planTraining,
  settleTraining,
  startLeftovers,
  trainInFolder,
  trainingDisplay,
  writeRunStart,
  type ActionContext,
  type TrainOptions,
  type TrainVerb,
} from '@cadenza/cli';
import { assignWeights, CheckpointStore, InputError, type SequenceToSequence, type TensorData } from '@cadenza/core';
import type { SelectedBackend } from '@cadenza/engine';
import type { Command } from 'commander';
import { teacherReadings, type EncodedPair } from '../batches.js';
import { configSchema, hasSlowBudget, presetNames, resolveConfig, type Config, type ConfigSources } from '../config.js';
import { dataRequest, type DataFlags } from '../dataRequest.js';
import { teach } from '../distillation.js';
import { scoreHeader, scoreRow, scoreTranslations, type TranslationScores } from '../evaluate.js';
import { configFlags } from '../flags.js';
import { checkSameData, preparePairs, readPairs, requestOf, type PreparedPairs } from '../prepare.js';
import { writeReport } from '../report.js';
import { checkTeachers, readRun, vocabularyFile, type OpenRun, type RunDescription, type SavedRun } from '../run.js';
import { createTraining, type Training } from '../train.js';
import { Translator } from '../translator.js';
import { startBackend } from './backend.js';
import { describeRun, describeValidation, introduce, sayGenericRules } from './describeTraining.js';
import {
  checkOrigins,
  describeOrigins,
  openOrigins,
  teachersOf,
  weightsToBeginWith,
  type OriginOptions,
} from './origins.js';

interface Options extends TrainOptions, DataFlags, OriginOptions {}

const trainVerb: TrainVerb<Config, ConfigSources, SavedRun> = {
  name: 'translation',
  flags: configFlags,
  leftovers: startLeftovers([vocabularyFile]),
  ...{ presetNames, schema: configSchema, resolveConfig, hasSlowBudget, readRun },
  filledIn: ['languages.source', 'languages.target', 'training.distillation'],
};

export function addTrainVerb(program: Command): void {
  const data =
    'a TSV or TMX file, a folder with train.LANGUAGE files, or a fetched data set’s name; .gz too (default: embedded phrases)';
  addVerb<Options>(program, 'train', 'train a model on pairs of sentences', trainCommand, (verb) => {
    verb
      .option('--data <path>', data)
      .option('--source <file>', 'sentences to translate, one a line')
      .option('--target <file>', 'their translations, line by line')
      .option('--validation-source <file>', 'sentences to validate on (default: pairs held out)')
      .option('--validation-target <file>', 'their translations')
      .option(
        '--from <run>',
        'begin with the vocabulary and the best weights of a run; with its network too where no --preset is named',
      )
      .option('--vocabulary-of <run>', 'take the vocabulary of a run, so that both can translate together')
      .option(
        '--teacher <runs>',
        'learn from what trained runs, with commas between them, say of each token too; takes their vocabulary',
      );
    addTrainOptions(verb, trainVerb);
  });
}

async function trainCommand(options: Options, context: ActionContext): Promise<void> {
  const { output } = context;
  const origins = openOrigins(options, output.warn);
  const { start, lender } = origins;
  const plan = planTraining(trainVerb, options, { start: start?.config });
  const { directory, resume, asked, saved } = plan;
  refuseAveraged(saved);
  const teachers = teachersOf(origins, saved, asked, output.warn);
  const data = dataRequest(options, saved?.config.languages ?? asked.languages);
  const settled = await settleTraining(trainVerb, plan, (wishes) => startBackend(options, output, wishes), output);
  const { backend, config, reducedBudget } = settled;
  const parts = await readPairs(data ?? (saved ? requestOf(saved.description.data) : embedded), config);
  if (saved !== undefined) checkSameData(saved.description.data, parts.description);
  else sayGenericRules(parts.languages, config, output);
  checkOrigins(origins, parts, config);
  const pairs = preparePairs(parts, config, (saved ?? start ?? lender)?.codec);
  checkTeachers(teachers, pairs.codec);
  const described = describeOrigins(start, teachers);
  const describe = (training: Training): RunDescription => ({
    ...describeRun(training, backend, reducedBudget),
    ...described,
  });
  const resumes = saved !== undefined && new CheckpointStore(directory).steps().length > 0;
  const weights = weightsToBeginWith(origins, saved, resumes);
  await trainAndReport(directory, config, pairs, { resume, backend, describe, weights, resumes, teachers }, context);
}

function refuseAveraged(saved: SavedRun | undefined): void {
  if (saved?.description.averaged === undefined) return;
  const got = 'got averaged weights, which have no state of the training';
  throw new InputError(`Expected --run to be a run to resume, ${got}: ${saved.directory}`);
}

const embedded = { train: { kind: 'embedded' as const }, validation: null };

interface FolderOptions {
  resume: boolean;
  backend: SelectedBackend;
  describe: (training: Training) => RunDescription;
  weights?: ReadonlyMap<string, TensorData>;
  /** There is a checkpoint to go on from. */
  resumes: boolean;
  /** Emptied once they are no longer needed, which frees their weights. */
  teachers: OpenRun[];
}

async function trainAndReport(
  directory: string,
  config: Config,
  pairs: PreparedPairs,
  { resume, backend, describe, weights, resumes, teachers }: FolderOptions,
  context: ActionContext,
): Promise<void> {
  const { output, signal } = context;
  const display = trainingDisplay(output, describeValidation);
  const readings = teachers.length === 0 ? undefined : teacherReadings(pairs.train, pairs.codec, config);
  const training = createTraining(config, pairs, {
    ...{ directory, signal, weights, resumes, readings },
    hooks: { ...display.hooks, onCheckpoint: () => void writeReport(directory, description) },
  });
  const description = describe(training);
  await trainInFolder(
    {
      ...{ directory, resume, leftovers: trainVerb.leftovers, training, display, backend, unit: 'tokens' },
      prepare: readings && (() => listen(teachers, readings, context)),
      writeStart: () => writeRunStart(directory, { [vocabularyFile]: pairs.codec.toJSON() }, description),
      introduction: introduce(training),
      evaluate: async () => {
        const evaluation = await evaluateBest(training, directory, context);
        if (evaluation !== undefined) {
          const rows = Object.entries(evaluation).map(([part, scores]) => scoreRow(part, scores));
          output.say(formatTable(scoreHeader, rows));
        }
        return evaluation;
      },
      writeReport: (evaluation) => writeReport(directory, description, evaluation),
    },
    output,
  );
}

/** Lets the teachers say of the pairs what they have to say, and lets go of them; false where that was stopped. */
async function listen(
  teachers: OpenRun[],
  readings: readonly (readonly EncodedPair[])[],
  { output, signal }: ActionContext,
): Promise<boolean> {
  const total = readings.reduce((sum, pairs) => sum + pairs.length, 0);
  const progress = createProgress(output, { label: 'teach', total });
  const models: SequenceToSequence[] = [];
  try {
    for (const teacher of teachers.splice(0)) models.push(teacher.loadModel());
    return await teach(models, readings, { signal, onProgress: (done) => progress.update(done) });
  } finally {
    progress.stop();
    for (const model of models) model.dispose();
  }
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
