import { RecurrentLanguageModel, type Random } from '@cadenza/core';
import type { Config } from './config.js';

/** The network of a configuration, for a vocabulary of so many tokens, filled from the generator. */
export function createModel({ model }: Config, vocabularySize: number, random: Random): RecurrentLanguageModel {
  return new RecurrentLanguageModel({ ...model, vocabularySize }, random);
}
