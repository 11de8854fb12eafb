import type { Entry } from '../lexicon.js';

/**
 * One sentence in the five languages. `{country.in}` is a slot: a kind of `slots.ts` and the form it takes there; a
 * digit after the kind (`{language2}`) makes a second slot of it, whose value differs. The same slots stand in every
 * language. The first letter of what is made is written large.
 */
export interface Template extends Entry {
  id: string;
  /** The split that alone has the template's sentences; without it, training has them. */
  heldOut?: 'validation' | 'test';
  /** Training has all countries, languages and other words of it, since hardly any other template has their forms. */
  keepsWords?: true;
}
