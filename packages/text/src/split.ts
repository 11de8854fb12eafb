import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';

export interface SplitFractions {
  /** The part after the training part; 0.1 unless told. */
  validation?: number;
  /** The part at the end; 0 unless told. */
  test?: number;
}

export interface Split<T> {
  train: T;
  validation: T;
  test: T;
}

/**
 * Cuts a tokenized text into its beginning for training, what follows for validation, and the end for a test. With
 * characters and the default of one tenth this is nanoGPT's split: `n = int(len(data) * 0.9)`. The parts share memory
 * with the whole.
 */
export function splitTokens(tokens: Int32Array, fractions: SplitFractions = {}): Split<Int32Array> {
  const [first, second] = boundaries(tokens.length, fractions);
  return {
    train: tokens.subarray(0, first),
    validation: tokens.subarray(first, second),
    test: tokens.subarray(second),
  };
}

/** The same cut for a text, counted in code points. */
export function splitText(text: string, fractions: SplitFractions = {}): Split<string> {
  let length = 0;
  for (const _ of text) length++;
  const [first, second] = boundaries(length, fractions);
  const [firstUnit, secondUnit] = codeUnits(text, first, second);
  return {
    train: text.slice(0, firstUnit),
    validation: text.slice(firstUnit, secondUnit),
    test: text.slice(secondUnit),
  };
}

function boundaries(length: number, fractions: SplitFractions): [number, number] {
  refuseUnknown('a split', fractions, ['validation', 'test']);
  const { validation = 0.1, test = 0 } = fractions;
  for (const [name, fraction] of Object.entries({ validation, test, 'validation + test': validation + test })) {
    if (!(fraction >= 0 && fraction < 1)) throw new ConfigError(expected(name, 'a fraction of [0, 1)', fraction));
  }
  const first = wholeTokens(length * (1 - validation - test));
  const second = test === 0 ? length : wholeTokens(length * (1 - test));
  const empty =
    first === 0 ? 'train' : validation > 0 && second === first ? 'validation' : test > 0 && second === length;
  if (empty) {
    const part = empty === true ? 'test' : empty;
    throw new InputError(`Expected a text long enough for a ${part} part, got ${length} tokens`, { code: 'TOO_SHORT' });
  }
  return [first, second];
}

/** Rounded down, but for the rounding of fractions such as 1 - 0.8. */
function wholeTokens(tokens: number): number {
  return Math.floor(Number(tokens.toPrecision(12)));
}

function codeUnits(text: string, first: number, second: number): [number, number] {
  let point = 0;
  let unit = 0;
  let firstUnit = text.length;
  for (const character of text) {
    if (point === first) firstUnit = unit;
    if (point === second) return [firstUnit, unit];
    point++;
    unit += character.length;
  }
  return [firstUnit, text.length];
}
