import { basename } from 'node:path';
import {
  addVerb,
  placeOfPage,
  plural,
  positiveInteger,
  writeOutputFile,
  type ActionContext,
  type CommonOptions,
} from '@cadenza/cli';
import { ConfigError } from '@cadenza/core';
import { readTextFile } from '@cadenza/text';
import type { Command } from 'commander';
import { inspectModel } from '../inspect.js';
import { countUnits, renderInspectPage } from '../inspectPage.js';
import { readCorpora, readOwnPart } from '../prepare.js';
import { openRun, type OpenRun } from '../run.js';
import { startBackend } from './backend.js';
import { checkpointOption, readingPolicy, unknownOption, usualOfOwnText, type RunOptions } from './runOptions.js';

interface InspectOptions extends RunOptions, CommonOptions {
  data?: string;
  text?: string;
  file?: string;
  characters: number;
  output?: string;
}

export function addInspectVerb(program: Command): void {
  addVerb<InspectOptions>(program, 'inspect', 'show what the network does as an HTML page', inspectCommand, (verb) => {
    verb
      .requiredOption('--run <folder>', 'the run of the model')
      .option('--text <text>', 'what to colour (default: the beginning of the validation text)')
      .option('--file <path>', 'a file with it')
      .option('--data <path>', 'a text to look for units in (default: the run’s validation text)')
      .option('--characters <number>', 'how much to colour', positiveInteger, 1000)
      .option('--output <path>', 'where the page goes (default: inspect.html in the run folder)')
      .addOption(checkpointOption())
      .addOption(unknownOption(usualOfOwnText));
  });
}

async function inspectCommand(options: InspectOptions, { output, signal }: ActionContext): Promise<void> {
  if (options.text !== undefined && options.file !== undefined) {
    throw new ConfigError('Expected one of --text and --file, got both');
  }
  const run = openRun(options.run, options);
  const path = placeOfPage(options.output, run.directory);
  const corpus = await validationText(run, options.data, signal);
  const given = options.file === undefined ? options.text : await readTextFile(options.file);
  const text = given ?? corpus;
  const policy = readingPolicy(options, options.data === undefined ? run.tokenizer : undefined); // of the corpus
  const textPolicy = given === undefined ? policy : readingPolicy(options);
  run.tokenizer.encode(text, { ...textPolicy, name: 'the text' }); // before the backend starts; then the corpus's policy does
  await startBackend(options, output, run.config);
  const inspection = await inspectModel({
    model: run.loadModel(),
    tokenizer: run.tokenizer,
    text,
    corpus,
    maximumTokens: options.characters,
    ...{ ...policy, signal },
  });
  const page = renderInspectPage(inspection, {
    title: 'Inside the model',
    subtitle: `${basename(run.directory)}, step ${run.step}`,
  });
  writeOutputFile(path, page);
  const units = countUnits(inspection);
  output.say(
    `${plural(inspection.tokens.length, 'character')} coloured, ${plural(units, 'unit')} found that ${units === 1 ? 'follows' : 'follow'} something`,
  );
  if (!output.json) output.write(`${path}\n`);
  output.object({ path, characters: inspection.tokens.length, units, run: run.directory, step: run.step });
}

/** The run's validation text, in which nothing was learned, or the last part of another. */
async function validationText(run: OpenRun, data: string | undefined, signal: AbortSignal): Promise<string> {
  if (data === undefined) return readOwnPart(run, 'validation');
  return (await readCorpora(run.config, { data, signal })).validation;
}
