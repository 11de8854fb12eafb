import { resolve } from 'node:path';
import {
  addVerb,
  checkOutputFolder,
  positiveInteger,
  writeRunStart,
  type ActionContext,
  type CommonOptions,
} from '@cadenza/cli';
import { CheckpointStore, InputError } from '@cadenza/core';
import type { Command } from 'commander';
import { averageWeights } from '../average.js';
import { readRun, vocabularyFile, type RunDescription } from '../run.js';

interface AverageOptions extends CommonOptions {
  run: string;
  last: number;
  output: string;
}

export function addAverageVerb(program: Command): void {
  addVerb<AverageOptions>(program, 'average', 'average the last checkpoints of a run', averageCommand, (verb) => {
    verb
      .requiredOption('--run <folder>', 'the run of the model')
      .requiredOption('--output <folder>', 'a new folder, which every verb but train then takes as a run')
      .option('--last <number>', 'how many of the newest checkpoints', positiveInteger, 5);
  });
}

function averageCommand(options: AverageOptions, { output }: ActionContext): void {
  const directory = resolve(options.output);
  checkOutputFolder('--output', directory);
  const { description, codec, config, directory: run } = readRun(options.run);
  const store = new CheckpointStore(run, { onWarning: output.warn });
  const averaged = averageWeights(store, options.last, config.monitoring.keepCheckpoints);
  if (averaged === undefined) throw new InputError(`Expected the run to have checkpoints, got none in ${run}`);
  const { weights, steps, state } = averaged;
  new CheckpointStore(directory).save({ weights, optimizer: new Map(), state: { ...state, best: null } });
  const described: RunDescription = { ...description, averaged: { run, steps } };
  writeRunStart(directory, { [vocabularyFile]: codec.toJSON() }, described);
  output.say(`averaged: steps ${steps.join(', ')}`);
  if (!output.json) output.write(`${directory}\n`);
  output.object({ output: directory, steps, run });
}
