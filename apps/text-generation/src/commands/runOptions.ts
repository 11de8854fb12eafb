import { choice, type Output } from '@cadenza/cli';
import { weightFormats, type WeightFormat } from '@cadenza/core';
import type { SelectedBackend } from '@cadenza/engine';
import type { Tokenizer, UnknownPolicy } from '@cadenza/text';
import type { Option } from 'commander';
import type { ReadingPolicy, TextGenerator } from '../textGenerator.js';

/** The options of every verb that uses a trained model. */
export interface RunOptions {
  run: string;
  checkpoint: 'best' | 'latest';
  unknown?: UnknownPolicy;
}

/** Those of the verbs that write. */
export interface WritingOptions extends RunOptions {
  weights?: WeightFormat;
}

export function checkpointOption(): Option {
  return choice('--checkpoint <name>', 'of the run', ['best', 'latest']).default('best');
}

/** Left out, a run's weights are float32 and an exported folder's in its own format. */
export function weightsOption(description: string): Option {
  return choice('--weights <format>', description, weightFormats);
}

/** Tells how rounded weights are used, where it is not by the backend's own steps. */
export function sayWeights({ weights, steps }: TextGenerator, { name }: SelectedBackend, output: Output): void {
  if (weights === 'f32' || steps.way === 'engine') return;
  const how = {
    plain: `the ${name} backend has no steps of its own for weights of ${weights}: they run in plain JavaScript, slower than f32`,
    tensors: `weights rounded to ${weights}, computed with as float32: layer normalisation and projections have no other steps`,
  };
  output.say(how[steps.way]);
}

/**
 * How the texts of a call are encoded: an error names the flag that would go on.
 *
 * @param own the run's tokenizer, where the text is the run's own: what is unknown there is `<unk>`, as it was in training
 */
export function readingPolicy({ unknown }: Pick<RunOptions, 'unknown'>, own?: Tokenizer): ReadingPolicy {
  const usual = own !== undefined && own.vocabulary.unknownId >= 0 ? 'unk' : 'error';
  return { unknown: unknown ?? usual, nameOfPolicy: (policy) => `--unknown ${policy}` };
}

/** @param usual what is done without the option */
export function unknownOption(usual = 'error'): Option {
  const policies = ['error', 'skip', 'unk'];
  return choice('--unknown <policy>', `for characters that the model never saw (default: ${usual})`, policies);
}

/** For the verbs that also read the run's own text. */
export const usualOfOwnText = 'error; of the run’s own text as in training';
