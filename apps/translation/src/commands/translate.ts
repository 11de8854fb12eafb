import {
  addVerb,
  choice,
  finiteNumber,
  formatCount,
  hypothesisCount,
  nonNegativeInteger,
  plural,
  positiveInteger,
  type ActionContext,
  type CommonOptions,
} from '@cadenza/cli';
import { ConfigError } from '@cadenza/core';
import { checkTextFile, decodeUtf8Stream, linesOf, readLines } from '@cadenza/text';
import type { Command } from 'commander';
import { pharaohPairs, softPairs } from '../alignment.js';
import { chunkLimits, chunksOfLines } from '../translate.js';
import { beamOf, type Hypothesis, type TranslateOptions, type Translation } from '../translationOptions.js';
import { Translator } from '../translator.js';
import { startBackend } from './backend.js';
import {
  addRunFlags,
  addSearchFlags,
  checkAttention,
  openRuns,
  searchOptions,
  type RunOptions,
  type SearchFlags,
} from './runOptions.js';

interface TranslateFlags extends RunOptions, SearchFlags, CommonOptions {
  input?: string;
  nBest?: number;
  sample?: boolean;
  temperature?: number;
  topK?: number;
  topP?: number;
  seed?: number;
  /** True where the flag came alone: hard. */
  alignment?: 'hard' | 'soft' | true;
  scores?: boolean;
  document?: boolean;
}

export function addTranslateVerb(program: Command): void {
  const alignment = 'say which source word each word came from: as pairs, or all with their weights';
  addVerb<TranslateFlags>(program, 'translate', 'translate lines', translateCommand, (verb) => {
    addRunFlags(verb);
    verb
      .option('--input <file>', 'lines to translate, .gz too (default: standard input)')
      .option('--n-best <number>', 'translations of each line, as `number ||| text ||| score`', hypothesisCount)
      .option('--scores', 'add the score of each translation after a tab')
      .addOption(choice('--alignment [kind]', alignment, ['hard', 'soft']))
      .option('--document', 'translate sentence by sentence, and keep what stands between them');
    addSearchFlags(verb);
    verb
      .option('--sample', 'draw translations by their probability')
      .option('--temperature <number>', 'of drawing: below 1 safer, above 1 wilder', finiteNumber)
      .option('--top-k <number>', 'draw from the k likeliest subwords only', positiveInteger)
      .option('--top-p <number>', 'draw from the likeliest that together have this probability', finiteNumber)
      .option('--seed <number>', 'the same seed draws the same translations', nonNegativeInteger);
  });
}

async function translateCommand(flags: TranslateFlags, { output, signal }: ActionContext): Promise<void> {
  const options: TranslateOptions = { ...translateOptions(flags), signal };
  const input = flags.input === '-' ? undefined : flags.input;
  if (input !== undefined) await checkTextFile(input);
  const runs = openRuns(flags, output);
  checkAttention(runs, flags);
  await startBackend(flags, output, runs[0].config);
  const translator = Translator.of(runs);
  const seed = flags.seed ?? (flags.sample ? Math.floor(Math.random() * 2 ** 32) : 1);
  if (flags.sample) output.say(`seed ${seed}`);
  const batches =
    input === undefined ? linesOf(decodeUtf8Stream(process.stdin, 'standard input')) : readLines(input, signal);
  const started = performance.now();
  let lines = 0;
  let words = 0;
  try {
    for await (const chunk of chunksOfLines(batches, chunkLimits, signal)) {
      const translations = await translator.translate(chunk, { ...options, seed, firstLine: lines });
      output.write(translations.map((translation, index) => written(translation, lines + index, flags)).join(''));
      lines += chunk.length;
      words += translations.reduce((sum, { hypotheses }) => sum + hypotheses[0].words.length, 0);
      if (lines > chunk.length) output.say(plural(lines, 'line'));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    if (input === undefined) process.stdin.destroy(); // whoever writes to it may go on for long
  }
  const seconds = (performance.now() - started) / 1000;
  output.say(
    `${plural(lines, 'line')}, ${plural(words, 'word')} in ${seconds.toFixed(1)} s (${formatCount(lines / seconds)} lines/s)`,
  );
  output.object({
    lines,
    words,
    seconds,
    lines_per_second: lines / seconds,
    ...(flags.sample ? { seed } : {}),
    run: runs.length === 1 ? runs[0].directory : runs.map(({ directory }) => directory),
  });
}

/** The flags as a translator takes them, found to go together. */
function translateOptions(flags: TranslateFlags): TranslateOptions {
  const { temperature, topK, topP, nBest = 1, sample, beam, mbr } = flags;
  for (const [name, value] of Object.entries({ temperature, 'top-k': topK, 'top-p': topP, seed: flags.seed })) {
    if (value !== undefined && !sample) throw new ConfigError(`Expected --sample with --${name}, got none`);
  }
  if (temperature !== undefined && temperature < 0) {
    throw new ConfigError(`Expected --temperature to be at least 0, got ${temperature}`);
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) {
    throw new ConfigError(`Expected --top-p to be above 0 and at most 1, got ${topP}`);
  }
  if (sample && beam !== undefined) throw new ConfigError(`Expected no --beam with --sample, got ${beam}`);
  if (mbr !== undefined && nBest > mbr) {
    throw new ConfigError(`Expected --n-best to be at most --mbr ${mbr}, got ${nBest}`);
  }
  if (mbr === undefined && !sample && nBest > beamOf(flags)) {
    throw new ConfigError(`Expected --n-best to be at most --beam ${beamOf(flags)}, got ${nBest}`);
  }
  return {
    ...searchOptions(flags),
    nBest,
    sample: sample ? { temperature, topK, topP } : undefined,
    alignment: flags.alignment !== undefined,
    sentences: flags.document,
  };
}

/** The lines of one translation: its text, or with `--n-best` each of them as Moses wrote them. */
function written({ hypotheses }: Translation, number: number, flags: TranslateFlags): string {
  const extras = (hypothesis: Hypothesis): string[] => [
    ...(flags.scores || flags.nBest !== undefined ? [hypothesis.score.toFixed(4)] : []),
    ...(flags.alignment === undefined ? [] : [alignmentText(hypothesis, flags)]),
  ];
  if (flags.nBest === undefined) {
    const [best] = hypotheses;
    const columns = extras(best);
    // A tab of the document must not look like one between columns.
    const text = columns.length === 0 ? best.text : best.text.replaceAll('\t', ' ');
    return `${[text, ...columns].join('\t')}\n`;
  }
  return hypotheses.map((hypothesis) => `${[number, hypothesis.text, ...extras(hypothesis)].join(' ||| ')}\n`).join('');
}

function alignmentText({ alignment = [] }: Hypothesis, flags: TranslateFlags): string {
  return flags.alignment === 'soft' ? softPairs(alignment) : pharaohPairs(alignment);
}
