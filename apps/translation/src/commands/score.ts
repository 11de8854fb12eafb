import { addVerb, createProgress, plural, type ActionContext, type CommonOptions } from '@cadenza/cli';
import { eventLoopTurn } from '@cadenza/core';
import { checkTextFile } from '@cadenza/text';
import type { Command } from 'commander';
import { checkPairLengths } from '../batches.js';
import { readTestFiles } from '../testData.js';
import { Translator } from '../translator.js';
import { startBackend } from './backend.js';
import { addRunFlags, openRuns, type RunOptions } from './runOptions.js';

interface ScoreOptions extends RunOptions, CommonOptions {
  source: string;
  target: string;
}

/** Pairs that are scored together. */
const CHUNK = 1024;

export function addScoreVerb(program: Command): void {
  addVerb<ScoreOptions>(program, 'score', 'say how likely given translations are', scoreCommand, (verb) => {
    addRunFlags(verb);
    verb
      .requiredOption('--source <file>', 'sentences, one a line')
      .requiredOption('--target <file>', 'their translations, line by line');
  });
}

async function scoreCommand(options: ScoreOptions, { output, signal }: ActionContext): Promise<void> {
  for (const path of [options.source, options.target]) await checkTextFile(path);
  const runs = openRuns(options, output);
  const { pairs } = await readTestFiles(options.source, options.target);
  const longest = Math.max(...runs.map(({ config }) => config.training.batchTokens));
  await startBackend(options, output, runs[0].config);
  const translator = Translator.of(runs);
  const progress = createProgress(output, { label: 'score', total: pairs.length });
  let nats = 0;
  let tokens = 0;
  try {
    for (let start = 0; start < pairs.length && !signal.aborted; start += CHUNK) {
      const chunk = pairs.slice(start, start + CHUNK);
      checkPairLengths(
        chunk,
        translator.codec,
        longest,
        (index, side) => `line ${start + index + 1} of ${options[side]}`,
      );
      const scores = translator.score(chunk);
      const lines = scores.map((score) =>
        JSON.stringify({
          log_probability: score.logProbability,
          tokens: score.tokens,
          per_token: score.logProbability / score.tokens,
        }),
      );
      output.write(`${lines.join('\n')}\n`);
      nats -= scores.reduce((sum, { logProbability }) => sum + logProbability, 0);
      tokens += scores.reduce((sum, score) => sum + score.tokens, 0);
      progress.update(start + chunk.length);
      await eventLoopTurn(); // lets signals through
    }
  } finally {
    progress.stop();
    translator.dispose();
  }
  if (signal.aborted) return;
  output.say(`${plural(pairs.length, 'pair')}, ${plural(tokens, 'token')}, ${(nats / tokens).toFixed(4)} nats each`);
  output.object({
    pairs: pairs.length,
    tokens,
    nats,
    nats_per_token: nats / tokens,
    perplexity: Math.exp(nats / tokens),
    run: runs.length === 1 ? runs[0].directory : runs.map(({ directory }) => directory),
  });
}
