/** What is said: the words one by one, and phrases of two to five of them. */

export const DIGITS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
export const COMMANDS = ['yes', 'no', 'on', 'off', 'stop', 'go', 'left', 'right', 'up', 'down', 'open', 'close'];
export const VOCABULARY = [...DIGITS, ...COMMANDS];

/** Kinds of word that a pattern may ask for; another word of a pattern stands for itself. */
const KINDS = {
  DIGIT: DIGITS,
  WAY: ['left', 'right', 'up', 'down'],
  ACT: ['open', 'close'],
  SWITCH: ['on', 'off'],
  ANSWER: ['yes', 'no'],
};

const DIGIT_PATTERNS = ['DIGIT DIGIT', 'DIGIT DIGIT DIGIT', 'DIGIT DIGIT DIGIT DIGIT', 'DIGIT DIGIT DIGIT DIGIT DIGIT'];

const COMMAND_PATTERNS = [
  'go WAY',
  'go WAY DIGIT stop',
  'WAY WAY WAY',
  'ACT DIGIT DIGIT',
  'ANSWER ACT DIGIT',
  'ANSWER go WAY',
  'SWITCH DIGIT SWITCH DIGIT',
  'DIGIT SWITCH ANSWER',
  'stop ANSWER go WAY DIGIT',
  'ACT WAY ANSWER stop',
];

const pick = (items, random) => items[random.integer(items.length)];

/** A phrase drawn: as often digits as commands. */
function drawPhrase(random) {
  const pattern = pick(random.next() < 0.5 ? DIGIT_PATTERNS : COMMAND_PATTERNS, random);
  return pattern
    .split(' ')
    .map((word) => (KINDS[word] ? pick(KINDS[word], random) : word))
    .join(' ');
}

/**
 * Draws the texts of splits such that no phrase is in two of them, nor among the reserved ones: what a recogniser makes of
 * a phrase that it never heard is then not learned by heart. Single words are in every split.
 */
export class PhraseBook {
  /** By phrase, the split that has it. */
  #owners = new Map();

  constructor(reserved) {
    for (const phrase of reserved) this.#owners.set(phrase, undefined);
  }

  draw(split, random) {
    for (;;) {
      const phrase = drawPhrase(random);
      if (!this.#owners.has(phrase)) this.#owners.set(phrase, split);
      if (this.#owners.get(phrase) === split) return phrase;
    }
  }
}
