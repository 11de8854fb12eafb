import type { Random } from '@cadenza/core';
import type { Entry } from './lexicon.js';
import type { SentenceVoice } from './sentenceVoice.js';
import { slotKinds } from './slots.js';

/** A slot as a template writes it: `{language2.into}` has the name `language2`, kind `language` and form `into`. */
const slotPattern = /\{(([a-zA-Z]+)\d?)(?:\.([a-zA-Z]+))?\}/g;

type DrawnSlot = ReturnType<(typeof slotKinds)[string]['draw']>;

/** A sentence whose values are drawn but whose language is not chosen yet. */
export interface Sentence {
  /** For each slot its name, its value's key, and whether the value is made of parts. */
  slots: { name: string; kind: string; key: string; composite: boolean }[];
  say: (voice: SentenceVoice) => string | undefined;
}

/** Draws a value for each slot of a template; two slots of one kind get different values. */
export function drawSentence(template: Entry, random: Random): Sentence {
  const drawn = new Map<string, DrawnSlot>();
  const slots: Sentence['slots'] = [];
  for (const [, name, kind] of template.en.matchAll(slotPattern)) {
    if (drawn.has(name)) continue;
    let value = slotKinds[kind].draw(random);
    while (slots.some((slot) => slot.kind === kind && slot.key === value.key)) value = slotKinds[kind].draw(random);
    drawn.set(name, value);
    slots.push({ name, kind, key: value.key, composite: slotKinds[kind].composite });
  }
  return { slots, say: (voice) => fill(template[voice.sentenceLanguage], drawn, voice) };
}

/** The sentence with its values; undefined when the locale has no word for one of them. */
function fill(pattern: string, drawn: Map<string, DrawnSlot>, voice: SentenceVoice): string | undefined {
  let complete = true;
  const text = pattern.replace(slotPattern, (_, name: string, _kind, form: string | undefined) => {
    const said = drawn.get(name)!.forms[form ?? ''](voice);
    if (said === undefined) complete = false;
    return said ?? '';
  });
  // A value such as `3:30 p.m.` brings its own full stop.
  return complete ? capitalise(text.replace(/\.\.$/, '.'), voice.locale) : undefined;
}

/** Writes the first letter large, behind a mark such as `¿` too. */
function capitalise(text: string, locale: string): string {
  return text.replace(
    /^([¿¡]?)(\p{Ll})/u,
    (_, mark: string, letter: string) => mark + letter.toLocaleUpperCase(locale),
  );
}
