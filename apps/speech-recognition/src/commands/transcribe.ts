import {
  addVerb,
  choice,
  finiteNumber,
  hypothesisCount,
  integerUpTo,
  repeated,
  type ActionContext,
} from '@cadenza/cli';
import { ConfigError } from '@cadenza/core';
import type { Command } from 'commander';
import { transcriptFormats } from '../formats.js';
import { Recognizer } from '../recognizer.js';
import { HIGHEST_RATE, MOST_CHANNELS, rawEncodings } from '../soundInput.js';
import { noAdapt } from './adapting.js';
import { startBackend } from './backend.js';
import { openRuns, severalRuns } from './openRuns.js';
import { transcribeFiles } from './transcribeFiles.js';
import { transcribeInput } from './transcribeInput.js';
import { checkFlags, rawFormat, recognitionOptions, type TranscribeFlags } from './transcribeOptions.js';

export function addTranscribeVerb(program: Command): void {
  // Commander hands a variadic operand over as one list.
  const action = (flags: TranscribeFlags, context: ActionContext, ...operands: unknown[]): Promise<void> =>
    transcribeCommand(flags, context, operands.flat() as string[]);
  addVerb<TranscribeFlags>(program, 'transcribe', 'write down what is said in recordings', action, (verb) => {
    verb
      .argument('[paths...]', 'sound files, folders of them, manifests; - or nothing: sound from standard input')
      .requiredOption('--run <folder>', severalRuns)
      .addOption(choice('--checkpoint <name>', 'of the run', ['best', 'latest']).default('best'))
      .addOption(choice('--format <name>', 'of the transcripts', transcriptFormats).default('text'))
      .option('--words', 'a line for each word: start, end, confidence, word')
      .option('--n-best <number>', 'transcripts of each utterance: number, text, score', hypothesisCount)
      .option('--output <folder>', 'a file for each recording instead of standard output')
      .optionsGroup('Search:')
      .option('--beam <number>', 'hypotheses followed at once', hypothesisCount)
      .option('--greedy', 'the likeliest symbol of each frame, without a language model')
      .option(...noAdapt)
      .option('--hot-word <phrase[:boost]>', 'a phrase that is likely to be said, repeatable', repeated)
      .option('--max-seconds <seconds>', 'cut what is longer at its silences (default: 20)', finiteNumber)
      .option('--pause <seconds>', 'silence that ends an utterance (default: 0.5)', finiteNumber)
      .optionsGroup('Standard input:')
      .addOption(choice('--raw <encoding>', 'samples without a header', rawEncodings))
      .option('--rate <hertz>', 'of raw samples (default: the model’s)', integerUpTo(HIGHEST_RATE))
      .option('--channels <number>', 'of raw samples (default: 1)', integerUpTo(MOST_CHANNELS));
  });
}

async function transcribeCommand(flags: TranscribeFlags, context: ActionContext, paths: string[]): Promise<void> {
  const { output } = context;
  checkFlags(flags, paths);
  const live = paths.length === 0 || paths[0] === '-';
  if (live && process.stdin.isTTY) {
    throw new ConfigError('Expected recordings to transcribe or sound on standard input, got a terminal');
  }
  const [run, ...others] = openRuns(flags, output);
  if (live && others.length > 0) {
    throw new ConfigError(`Expected one --run for sound from standard input, got ${1 + others.length}`);
  }
  const options = recognitionOptions(flags, run);
  const raw = rawFormat(flags, run);
  await startBackend(flags, output, run.config);
  const recognizer = new Recognizer(run, others);
  try {
    if (live) await transcribeInput(recognizer, { flags, options, raw }, context);
    else await transcribeFiles(recognizer, paths, { flags, options }, context);
  } finally {
    recognizer.dispose();
  }
}
