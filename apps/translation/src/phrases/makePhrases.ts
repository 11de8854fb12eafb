import { ConfigError, expected, InputError, Random } from '@cadenza/core';
import { bareKinds, pick, type ValueKind } from './bareValues.js';
import { isSentenceLanguage } from './grammar.js';
import { drawSentence } from './sentence.js';
import { SentenceVoice } from './sentenceVoice.js';
import { splitOf, type Split } from './holdOut.js';
import { templates, type Template } from './templates/index.js';
import { Voice } from './voice.js';

/** A phrase and its translation. */
export interface PhrasePair {
  source: string;
  target: string;
}

/**
 * A pair that training has not seen: its template is held out (`templates`), or its template is known but a value in it
 * is not (`values`): a date or price that occurs nowhere in training, a country that occurs in other sentences only.
 */
export interface HeldOutPair extends PhrasePair {
  kind: 'values' | 'templates';
}

export interface PhraseOptions {
  /** Locales that Intl knows, such as `en`, `pt-PT` or `ja`; their languages give sentences where both are of the five. */
  source: string;
  target: string;
  /** Decides which phrases are drawn; what is held out is the same for every seed. */
  seed: number;
  /** Training pairs; 16,000 by default. */
  count?: number;
  /** Pairs of the validation part and of the test part; 500 each by default. */
  heldOutCount?: number;
}

export interface Phrases {
  train: PhrasePair[];
  validation: HeldOutPair[];
  test: HeldOutPair[];
}

/** Of four phrases in a pair of the five languages, about one has no template. */
const bareShare = 4;
const bareNames = Object.keys(bareKinds) as (keyof typeof bareKinds)[];

/** A drawn phrase before it is said. */
interface Drawn {
  split: Split;
  pair: PhrasePair | undefined;
}

/**
 * Parallel phrases made from Node's own Intl (CLDR: names, dates, amounts, lists) and, between English, Portuguese,
 * German, French and Spanish, from sentences around them; other locales give the part without sentences. No two pairs
 * have the same source, and no source of a held-out part is one of training's.
 *
 * The same options give the same phrases on one Node. Between Nodes the drawn values and the split are the same but
 * CLDR's words may differ (a country's new name, a comma in a date), so a run keeps its data's fingerprint.
 *
 * @throws ConfigError for a locale that Intl does not know, one locale twice, or a count that is no positive integer
 * @throws InputError when the two locales have fewer phrases than are asked for
 */
export function makePhrases(options: PhraseOptions): Phrases {
  const { source, target, seed, count = 16_000, heldOutCount = 500 } = options;
  checkCount('count', count);
  checkCount('heldOutCount', heldOutCount);
  const voices = [speak(source, 'source'), speak(target, 'target')] as const;
  if (voices[0].locale === voices[1].locale) {
    throw new ConfigError(expected('target', 'another locale than source', target));
  }
  const random = new Random(seed);
  const seen = new Set<string>();
  const train = collect({ voices, random: random.fork('train'), split: 'train', count, seen });
  const sentences = voices.every((voice) => voice instanceof SentenceVoice);
  const heldOut = (split: 'validation' | 'test'): HeldOutPair[] => {
    const fromTemplates = sentences ? Math.floor(heldOutCount / 2) : 0;
    const part = { voices, random: random.fork(split), seen };
    const unseen = collect({ ...part, split: `${split} templates`, count: fromTemplates });
    const values = collect({ ...part, split: `${split} values`, count: heldOutCount - fromTemplates });
    return [...unseen.map(withKind('templates')), ...values.map(withKind('values'))];
  };
  return { train, validation: heldOut('validation'), test: heldOut('test') };
}

const withKind =
  (kind: HeldOutPair['kind']) =>
  (pair: PhrasePair): HeldOutPair => ({ ...pair, kind });

interface Collection {
  voices: readonly [Voice, Voice];
  random: Random;
  split: Split;
  count: number;
  /** Sources that exist already, in whatever split. */
  seen: Set<string>;
}

/** Draws until `count` new pairs of the split are found. */
function collect({ voices, random, split, count, seen }: Collection): PhrasePair[] {
  const pairs: PhrasePair[] = [];
  const mostDraws = 1000 + 200 * count;
  for (let draws = 0; pairs.length < count; draws++) {
    if (draws === mostDraws) {
      const locales = voices.map((voice) => voice.locale).join(' and ');
      throw new InputError(`Expected ${locales} to have ${count} phrases (${split}), got ${pairs.length}`);
    }
    const { split: drawnSplit, pair } = draw(voices, random, split);
    if (drawnSplit !== split || pair === undefined || seen.has(pair.source)) continue;
    seen.add(pair.source);
    pairs.push(pair);
  }
  return pairs;
}

function draw(voices: readonly [Voice, Voice], random: Random, wanted: Split): Drawn {
  const [source, target] = voices;
  if (source instanceof SentenceVoice && target instanceof SentenceVoice) {
    if (wanted.endsWith('templates') || random.integer(bareShare) > 0) {
      return drawFrom(pick(random, eligible(wanted)), source, target, random, wanted);
    }
  }
  const name = pick(random, bareNames);
  const kind: ValueKind = bareKinds[name];
  const { key, say } = kind.draw(random);
  const split = kind.composite ? splitOf({ slots: [{ name, kind: name, key, composite: true }] }) : 'train';
  return { split, pair: split === wanted ? pairOf(say(source), say(target)) : undefined };
}

function drawFrom(
  template: Template,
  source: SentenceVoice,
  target: SentenceVoice,
  random: Random,
  wanted: Split,
): Drawn {
  const sentence = drawSentence(template, random);
  const split = splitOf({ template, slots: sentence.slots });
  return { split, pair: split === wanted ? pairOf(sentence.say(source), sentence.say(target)) : undefined };
}

const eligibleTemplates = {
  known: templates.filter(({ heldOut }) => heldOut === undefined),
  validation: templates.filter(({ heldOut }) => heldOut === 'validation'),
  test: templates.filter(({ heldOut }) => heldOut === 'test'),
};

function eligible(split: Split): Template[] {
  if (split === 'test templates') return eligibleTemplates.test;
  return split === 'validation templates' ? eligibleTemplates.validation : eligibleTemplates.known;
}

function pairOf(source: string | undefined, target: string | undefined): PhrasePair | undefined {
  return source === undefined || target === undefined ? undefined : { source, target };
}

function speak(locale: string, option: string): Voice {
  const voice = new Voice(locale, option);
  return isSentenceLanguage(voice.language) ? new SentenceVoice(voice.locale, voice.language) : voice;
}

function checkCount(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) throw new ConfigError(expected(name, 'a positive integer', value));
}
