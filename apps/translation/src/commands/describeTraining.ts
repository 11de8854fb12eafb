import { formatCount, plural, runBase, type DisplayedValidation, type Output } from '@cadenza/cli';
import type { Metrics } from '@cadenza/core';
import type { SelectedBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import { describeAttention, type Config } from '../config.js';
import { undetermined } from '../dataRequest.js';
import { describeDropped, type PreparedPairs } from '../prepare.js';
import { runFormat, type RunDescription } from '../run.js';
import type { Training } from '../train.js';

/** What a run's `config.json` begins with. */
export function describeRun(
  { config, pairs, model }: Training,
  backend: SelectedBackend,
  reducedBudget: boolean,
): RunDescription {
  const packageFile = new URL('../../package.json', import.meta.url);
  const { codec } = pairs;
  return {
    ...runBase(runFormat, packageFile, tf.version_core, { backend, reducedBudget }),
    config,
    languages: pairs.languages,
    data: pairs.description,
    vocabulary: { source: codec.source.size, target: codec.target.size, fingerprint: codec.fingerprint },
    parameters: model.parameterCount,
  };
}

/** Says that words are cut without a language's own rules, and what names the language. */
export function sayGenericRules(languages: PreparedPairs['languages'], { text }: Config, output: Output): void {
  const unknown = (['source', 'target'] as const).filter((side) => languages[side] === undetermined);
  if (text.tokenization !== 'word' || unknown.length === 0) return;
  const flags = unknown.map((side) => `--${side}-language`).join(' and ');
  output.say(
    `No language is known for the ${unknown.join(' and ')}: words are cut as most languages have it; ` +
      `name ${unknown.length > 1 ? 'them' : 'it'} by ${flags}`,
  );
}

/** What is trained, in two lines for people. */
export function introduce({ config, pairs, model, plannedSteps }: Training): string {
  const { encoder, decoder } = config.model;
  const { source, target } = pairs.codec;
  const { source: from, target: to } = pairs.languages;
  return (
    `${from} to ${to}: ${plural(pairs.train.length, 'pair')} to learn from (${describeDropped(pairs.description.dropped)}), ` +
    `${pairs.validation.length} to validate on; ${pairs.codec.merges} merges, ` +
    `${source === target ? `${source.size} subwords` : `${source.size} and ${target.size} subwords`}\n` +
    `encoder ${encoder.layers} x ${encoder.units}, decoder ${decoder.layers} x ${decoder.units}, attention ${describeAttention(config)}, ` +
    `${formatCount(model.parameterCount)} parameters; ${plural(plannedSteps, 'step')}`
  );
}

export function describeValidation({ bleu, loss }: Metrics): DisplayedValidation {
  return { short: `BLEU ${bleu.toFixed(1)}`, long: `BLEU ${bleu.toFixed(2)}, ${loss.toFixed(4)} nats a token` };
}
