import { createInterface } from 'node:readline';
import { addVerb, type ActionContext, type CommonOptions } from '@cadenza/cli';
import { CadenzaError } from '@cadenza/core';
import type { Command } from 'commander';
import { openRun } from '../run.js';
import { sampleSeed } from '../sampleSeed.js';
import { TextGenerator } from '../textGenerator.js';
import { startBackend } from './backend.js';
import { addSamplingFlags, samplingOptions, type SamplingFlags } from './generate.js';
import {
  checkpointOption,
  readingPolicy,
  sayWeights,
  unknownOption,
  weightsOption,
  type WritingOptions,
} from './runOptions.js';

interface ChatOptions extends WritingOptions, SamplingFlags, CommonOptions {}

export function addChatVerb(program: Command): void {
  addVerb<ChatOptions>(program, 'chat', 'continue what you type, again and again', chatCommand, (verb) => {
    verb.requiredOption('--run <folder>', 'the run of the model');
    addSamplingFlags(verb, 200);
    verb.addOption(weightsOption('of the weights while writing: f32, or faster and rounded bf16 or int8'));
    verb.addOption(checkpointOption()).addOption(unknownOption());
  });
}

/** Each line typed is continued, in the context of all before; an empty line lets the model go on, Ctrl-D ends. */
async function chatCommand(options: ChatOptions, { output, signal }: ActionContext): Promise<void> {
  const sampling = samplingOptions(options);
  const run = openRun(options.run, options);
  const backend = await startBackend(options, output, run.config);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  output.say(`${run.directory}, step ${run.step}; type the beginning of a text, an empty line to go on, Ctrl-D to end`);
  const generator = TextGenerator.of(run, options.weights);
  sayWeights(generator, backend, output);
  const session = generator.session();
  const lines = createInterface({
    input: process.stdin,
    output: process.stderr,
    prompt: output.quiet ? '' : '> ',
    terminal: Boolean(process.stdin.isTTY), // left out, it would be whether standard error is one
  });
  // In a terminal readline takes Ctrl-C itself: it goes on to the process's handlers.
  lines.on('SIGINT', () => process.emit('SIGINT'));
  signal.addEventListener('abort', () => lines.close());
  let closed = false;
  lines.once('close', () => (closed = true));
  // Standard input may end while earlier lines are still to be continued, and Node 24 refuses to prompt then.
  const prompt = (): void => {
    if (!closed) lines.prompt();
  };
  let turns = 0;
  prompt();
  for await (const line of lines) {
    try {
      await session.read(line, { ...readingPolicy(options), signal });
      for await (const piece of session.write({ ...sampling, seed: sampleSeed(seed, turns++), signal })) {
        output.write(piece);
      }
      output.write('\n');
    } catch (error) {
      // A character the model does not know costs this line, not the conversation.
      if (!(error instanceof CadenzaError)) throw error;
      output.warn(error.message);
    }
    if (signal.aborted) break;
    prompt();
  }
  session.dispose();
  output.object({ turns, seed, run: run.directory, step: run.step });
}
