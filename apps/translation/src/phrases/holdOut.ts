import { Random } from '@cadenza/core';
import type { Sentence } from './sentence.js';
import type { Template } from './templates/index.js';

/** Where a phrase belongs; `values` and `templates` say what is new in a held-out one. */
export type Split =
  | 'train'
  | 'validation values'
  | 'validation templates'
  | 'test values'
  | 'test templates'
  /** Phrases that would mix what two splits hold out. */
  | 'none';

/** One value in this many is for the test, another for the validation. */
const buckets = 14;
const holdOutSeed = 4;

/**
 * The split of a phrase, from a fixed hash of its values. A value made of parts (a date, a price) is held out
 * everywhere; one that is a word (a country, a person) is held out of single templates, so that training sees it in
 * others. A held-out template takes only values that training knows, so what is new is either template or value.
 */
export function splitOf({ template, slots }: { template?: Template; slots: Sentence['slots'] }): Split {
  const parts = new Set(slots.map((slot) => partOf(slot, template)));
  const heldOut = template?.heldOut;
  if (heldOut !== undefined) {
    const newComposite = slots.some((slot) => slot.composite && partOf(slot, template) !== 'train');
    return newComposite ? 'none' : `${heldOut} templates`;
  }
  if (parts.has('test')) return parts.has('validation') ? 'none' : 'test values';
  return parts.has('validation') ? 'validation values' : 'train';
}

type Part = 'train' | 'validation' | 'test';

function partOf({ key, composite, name }: Sentence['slots'][number], template?: Template): Part {
  if (!composite && template?.keepsWords) return 'train';
  const label = composite ? key : `${template?.id} ${name} ${key}`;
  const bucket = new Random(holdOutSeed).fork(label).integer(buckets);
  if (bucket === 0) return 'test';
  return bucket === 1 ? 'validation' : 'train';
}
