import { addVerb, choice, formatTable, type ActionContext, type CommonOptions } from '@cadenza/cli';
import { ConfigError } from '@cadenza/core';
import { readCorpusFromStream, readTextFile } from '@cadenza/text';
import type { Command } from 'commander';
import { openRun } from '../run.js';
import { TextGenerator } from '../textGenerator.js';
import { startBackend } from './backend.js';
import { checkpointOption, unknownOption, type RunOptions } from './runOptions.js';

interface ScoreOptions extends RunOptions, CommonOptions {
  text?: string;
  file?: string;
  format: 'jsonl' | 'table';
}

export function addScoreVerb(program: Command): void {
  addVerb<ScoreOptions>(program, 'score', 'say how likely each character of a text is', scoreCommand, (verb) => {
    verb
      .requiredOption('--run <folder>', 'the run of the model')
      .option('--text <text>', 'the text (default: standard input)')
      .option('--file <path>', 'a file with it')
      .addOption(choice('--format <name>', 'of the lines', ['jsonl', 'table']).default('jsonl'))
      .addOption(checkpointOption())
      .addOption(unknownOption());
  });
}

async function scoreCommand(options: ScoreOptions, { output }: ActionContext): Promise<void> {
  const text = await readScoredText(options);
  const run = openRun(options.run, options);
  run.tokenizer.encode(text, { unknown: options.unknown, name: 'the text' }); // before the backend starts
  await startBackend(options, output, run.config);
  const scores = TextGenerator.of(run).score(text, { unknown: options.unknown });
  const nats = scores.reduce((sum, { logProbability }) => sum - logProbability, 0);
  if (options.format === 'table') {
    const rows = scores.map(({ token, logProbability }) => [
      JSON.stringify(token),
      logProbability.toFixed(4),
      Math.exp(logProbability).toFixed(4),
      (-logProbability / Math.LN2).toFixed(3),
    ]);
    output.write(`${formatTable(['token', 'log p', 'p', 'bits'], rows)}\n`);
  } else {
    for (const { token, logProbability } of scores) {
      output.write(`${JSON.stringify({ token, log_probability: logProbability })}\n`);
    }
  }
  const characters = scores.reduce((sum, { token }) => sum + Array.from(token).length, 0);
  output.say(`${characters} characters, ${(nats / characters).toFixed(4)} nats each`);
  output.object({
    characters,
    tokens: scores.length,
    nats,
    nats_per_char: nats / characters,
    bits_per_char: nats / characters / Math.LN2,
    perplexity: Math.exp(nats / scores.length),
  });
}

async function readScoredText({ text, file }: ScoreOptions): Promise<string> {
  if (text !== undefined && file !== undefined) throw new ConfigError('Expected one of --text and --file, got both');
  if (text !== undefined) return text;
  if (file !== undefined && file !== '-') return readTextFile(file);
  return (await readCorpusFromStream(process.stdin, 'standard input')).text;
}
