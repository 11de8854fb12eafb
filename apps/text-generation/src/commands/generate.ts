import { fstatSync } from 'node:fs';
import {
  addVerb,
  finiteNumber,
  nonNegativeInteger,
  positiveInteger,
  repeated,
  type ActionContext,
  type CommonOptions,
} from '@cadenza/cli';
import { checkChoiceOptions, ConfigError, expected, InputError, type ChoiceOptions } from '@cadenza/core';
import { readCorpus, readTextFile } from '@cadenza/text';
import { InvalidArgumentError, type Command } from 'commander';
import { openRun } from '../run.js';
import { sampleSeed } from '../sampleSeed.js';
import { TextGenerator, type SamplingOptions } from '../textGenerator.js';
import { startBackend } from './backend.js';
import {
  checkpointOption,
  readingPolicy,
  sayWeights,
  unknownOption,
  weightsOption,
  type WritingOptions,
} from './runOptions.js';

export interface SamplingFlags {
  length: number;
  temperature: number;
  topK?: number;
  topP?: number;
  repetitionPenalty?: number;
  until?: string[];
  seed?: number;
}

interface GenerateOptions extends WritingOptions, SamplingFlags, CommonOptions {
  prompt?: string;
  promptFile?: string;
  number: number;
  echo: boolean;
}

/** The flags that say how tokens are drawn. */
export function addSamplingFlags(verb: Command, length: number): void {
  verb
    .option('--length <tokens>', 'characters (or words) to write', nonNegativeInteger, length)
    .option(
      '--temperature <number>',
      'below 1 safer, above 1 wilder; 0 always takes the likeliest',
      choiceNumber('temperature'),
      0.8,
    )
    .option('--top-k <number>', 'draw from the k likeliest only', positiveInteger)
    .option('--top-p <number>', 'draw from the likeliest that together have this probability', choiceNumber('topP'))
    .option('--repetition-penalty <number>', 'above 1 makes repetition less likely', choiceNumber('repetitionPenalty'))
    .option('--until <text>', 'stop before this text, repeatable', repeated)
    .option('--seed <number>', 'the same seed writes the same text', nonNegativeInteger);
}

/** Parses a number that can stand for this option of the generator; the error then names the flag. */
function choiceNumber(name: keyof ChoiceOptions): (text: string) => number {
  return (text) => {
    const value = finiteNumber(text);
    try {
      checkChoiceOptions({ [name]: value });
    } catch (cause) {
      throw new InvalidArgumentError(`${(cause as Error).message.replace(`${name} to be `, '')}.`);
    }
    return value;
  };
}

export function addGenerateVerb(program: Command): void {
  addVerb<GenerateOptions>(program, 'generate', 'write text', generateCommand, (verb) => {
    verb
      .requiredOption('--run <folder>', 'the run of the model')
      .option('--prompt <text>', 'what to continue (default: what is piped in, less its last line end, or nothing)')
      .option('--prompt-file <path>', 'a file with it, less its last line end; - for standard input')
      .option('-n, --number <count>', 'samples to write', positiveInteger, 1)
      .option('--no-echo', 'write the continuation without the prompt');
    addSamplingFlags(verb, 500);
    verb.addOption(weightsOption('of the weights while writing: f32, or faster and rounded bf16 or int8'));
    verb.addOption(checkpointOption()).addOption(unknownOption());
  });
}

async function generateCommand(options: GenerateOptions, { output, signal }: ActionContext): Promise<void> {
  const sampling = samplingOptions(options);
  const policy = readingPolicy(options);
  const prompt = await readPrompt(options, signal);
  const run = openRun(options.run, options);
  run.tokenizer.encode(prompt, { ...policy, name: 'the prompt' }); // before the backend starts
  const backend = await startBackend(options, output, run.config);
  const generator = TextGenerator.of(run, options.weights);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  output.say(`${run.directory}, step ${run.step}; seed ${seed}`);
  sayWeights(generator, backend, output);
  const samples: { text: string; stop: string | null }[] = [];
  for (let index = 0; index < options.number && !signal.aborted; index++) {
    if (options.number > 1) output.say(`sample ${index + 1}`);
    const write = output.json ? () => {} : output.write;
    if (options.echo) write(prompt);
    const session = generator.session();
    await session.read(prompt, { ...policy, signal });
    let text = '';
    const stream = session.write({ ...sampling, seed: sampleSeed(seed, index), signal });
    for await (const piece of stream) {
      write(piece);
      text += piece;
    }
    write('\n');
    samples.push({ text, stop: session.stop });
    session.dispose();
  }
  output.object({ prompt, samples, seed, weights: generator.weights, run: run.directory, step: run.step });
}

/** The flags as the generator takes them. */
export function samplingOptions(flags: SamplingFlags): SamplingOptions {
  const { length, temperature, topK, topP, repetitionPenalty, until } = flags;
  if (until?.includes('')) throw new ConfigError(expected('--until', 'a text', ''));
  return { length, temperature, topK, topP, repetitionPenalty, until };
}

async function readPrompt({ prompt, promptFile }: GenerateOptions, signal: AbortSignal): Promise<string> {
  if (prompt !== undefined && promptFile !== undefined) {
    throw new ConfigError('Expected one of --prompt and --prompt-file, got both');
  }
  if (prompt !== undefined) return prompt;
  if (promptFile !== undefined && promptFile !== '-') return withoutLineEnd(await readTextFile(promptFile));
  if (promptFile === '-') return readPipedPrompt(signal);
  if (!(await hasPipedInput())) return '';
  return readPipedPrompt(signal).catch((error: unknown) => {
    if (error instanceof InputError && error.code === 'EMPTY') return ''; // a pipe that nobody writes to asks for nothing
    throw error;
  });
}

async function readPipedPrompt(signal: AbortSignal): Promise<string> {
  const { text } = await readCorpus('-', { signal });
  return withoutLineEnd(text);
}

/** A prompt is what stands before the line end that echo and editors put last. */
function withoutLineEnd(text: string): string {
  return text.replace(/\n$/, '');
}

/**
 * True where something is piped in: a pipe or a file. A socket, which a program that starts this command may leave open
 * without ever writing, counts once something arrives, or not at all.
 */
async function hasPipedInput(): Promise<boolean> {
  let stat;
  try {
    stat = fstatSync(0);
  } catch {
    return false;
  }
  if (stat.isFIFO() || stat.isFile()) return stat.isFIFO() || stat.size > 0;
  if (!stat.isSocket()) return false;
  return new Promise((resolve) => {
    const decide = (): void => {
      clearTimeout(timer);
      process.stdin.off('readable', decide).off('end', decide);
      resolve(process.stdin.readableLength > 0);
    };
    const timer = setTimeout(() => {
      decide();
      process.stdin.destroy();
    }, 500);
    process.stdin.once('readable', decide).once('end', decide);
  });
}
