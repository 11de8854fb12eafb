import { ConfigError, expected, Random } from '@cadenza/core';
import { bareKinds, pick, type ValueKind } from './bareValues.js';
import { collect, type PhrasePair } from './collect.js';
import { isSentenceLanguage } from './grammar.js';
import { drawSentence } from './sentence.js';
import { SentenceVoice } from './sentenceVoice.js';
import { splitOf, type Split } from './holdOut.js';
import { templates, type Template } from './templates/index.js';
import { Voice } from './voice.js';

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
  const part = (split: Split, size: number): PhrasePair[] => {
    const own = random.fork(split);
    const what = `${voices[0].locale} to ${voices[1].locale}, ${split}`;
    return collect(what, size, seen, () => draw(voices, own, split));
  };
  const fromTemplates = voices.every((voice) => voice instanceof SentenceVoice) ? Math.floor(heldOutCount / 2) : 0;
  const heldOut = (split: 'validation' | 'test'): HeldOutPair[] => [
    ...part(`${split} templates`, fromTemplates).map(withKind('templates')),
    ...part(`${split} values`, heldOutCount - fromTemplates).map(withKind('values')),
  ];
  return { train: part('train', count), validation: heldOut('validation'), test: heldOut('test') };
}

const withKind =
  (kind: HeldOutPair['kind']) =>
  (pair: PhrasePair): HeldOutPair => ({ ...pair, kind });

/** One phrase, or none when what was drawn is of another split or has no words in one of the locales. */
function draw([source, target]: readonly [Voice, Voice], random: Random, wanted: Split): PhrasePair | undefined {
  if (source instanceof SentenceVoice && target instanceof SentenceVoice) {
    if (wanted.endsWith('templates') || random.integer(bareShare) > 0) {
      const template = pick(random, eligible(wanted));
      const sentence = drawSentence(template, random);
      if (splitOf({ template, slots: sentence.slots }) !== wanted) return undefined;
      return pairOf(sentence.say(source), sentence.say(target));
    }
  }
  const name = pick(random, bareNames);
  const kind: ValueKind = bareKinds[name];
  const { key, say } = kind.draw(random);
  const split = kind.composite ? splitOf({ slots: [{ name, kind: name, key, composite: true }] }) : 'train';
  return split === wanted ? pairOf(say(source), say(target)) : undefined;
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
