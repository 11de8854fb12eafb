import { addVerb, choice, formatTable, plural, type ActionContext, type CommonOptions } from '@cadenza/cli';
import { ConfigError, InputError, eventLoopTurn } from '@cadenza/core';
import { readCorpus, readTextFile } from '@cadenza/text';
import type { Command } from 'commander';
import { sum } from '../results.js';
import { openRun } from '../run.js';
import { TextGenerator, type TokenScore } from '../textGenerator.js';
import { startBackend } from './backend.js';
import { checkpointOption, readingPolicy, unknownOption, type RunOptions } from './runOptions.js';

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

async function scoreCommand(options: ScoreOptions, { output, signal }: ActionContext): Promise<void> {
  const policy = readingPolicy(options);
  const text = await readScoredText(options, signal);
  const run = openRun(options.run, options);
  const ids = run.tokenizer.encode(text, { ...policy, name: 'the text' }); // before the backend starts
  // A model that knows no line end has nothing to expect the first token from.
  const least = run.tokenizer.vocabulary.id('\n') >= 0 ? 1 : 2;
  if (ids.length < least) {
    const wanted = least === 1 ? 'one character' : 'two characters';
    throw new InputError(`Expected a text of at least ${wanted} to score, got ${ids.length}`);
  }
  await startBackend(options, output, run.config);
  const scores: TokenScore[] = [];
  for (const piece of TextGenerator.of(run).scorePieces(text, policy)) {
    scores.push(...piece);
    if (options.format === 'jsonl') output.write(piece.map(scoreLine).join(''));
    await eventLoopTurn();
    if (signal.aborted) return;
  }
  if (options.format === 'table') output.write(`${scoreTable(scores)}\n`);
  const nats = scores.reduce((total, { logProbability }) => total - logProbability, 0);
  // Without a line end to start from, the first token has no score.
  const characters = sum(run.tokenizer.characterCounts(text, policy).subarray(ids.length - scores.length));
  output.say(`${plural(characters, 'character')}, ${(nats / characters).toFixed(4)} nats each`);
  output.object({
    characters,
    tokens: scores.length,
    nats,
    nats_per_char: nats / characters,
    bits_per_char: nats / characters / Math.LN2,
    perplexity: Math.exp(nats / scores.length),
  });
}

function scoreLine({ token, logProbability }: TokenScore): string {
  return `${JSON.stringify({ token, log_probability: logProbability })}\n`;
}

function scoreTable(scores: readonly TokenScore[]): string {
  const rows = scores.map(({ token, logProbability }) => [
    JSON.stringify(token),
    logProbability.toFixed(4),
    Math.exp(logProbability).toFixed(4),
    (-logProbability / Math.LN2).toFixed(3),
  ]);
  return formatTable(['token', 'log p', 'p', 'bits'], rows);
}

async function readScoredText({ text, file }: ScoreOptions, signal: AbortSignal): Promise<string> {
  if (text !== undefined && file !== undefined) throw new ConfigError('Expected one of --text and --file, got both');
  if (text !== undefined) return text;
  if (file !== undefined && file !== '-') return readTextFile(file);
  return (await readCorpus('-', { signal })).text;
}
