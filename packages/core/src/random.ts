import { ConfigError, expected } from './errors.js';

/** The four 32-bit words of a {@link Random}: all that a checkpoint needs to keep. */
export type RandomState = [number, number, number, number];

const TWO_32 = 4294967296;

/** splitmix32: a counter stepped by the golden ratio and hashed; it fills seeds with well-mixed words. */
function splitmix32(seed: number): () => number {
  let counter = seed | 0;
  return () => {
    counter = (counter + 0x9e3779b9) | 0;
    let word = counter ^ (counter >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  };
}

/** FNV-1a over UTF-16 code units: turns a label into 32 bits. */
function hashLabel(label: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < label.length; index++) {
    hash = Math.imul(hash ^ label.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

const rotateLeft = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/**
 * A seeded generator of random numbers: xoshiro128** 1.1 (Blackman and Vigna 2018), seeded through splitmix32. The same
 * seed gives the same numbers on every machine, and the whole state is four words.
 */
export class Random {
  private words: Int32Array = new Int32Array(4);

  /** @param seed a non-negative safe integer */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ConfigError(expected('seed', 'a non-negative integer', seed));
    }
    const low = splitmix32(seed % TWO_32);
    const high = splitmix32(Math.floor(seed / TWO_32));
    const useHigh = seed >= TWO_32;
    for (let index = 0; index < 4; index++) this.words[index] = low() ^ (useHigh ? high() : 0);
    this.avoidZero();
  }

  /** A generator that continues from a state taken by {@link state}. */
  static from(state: ArrayLike<number>): Random {
    const random = new Random(0);
    random.restore(state);
    return random;
  }

  /** 32 random bits as an unsigned integer. */
  nextUint32(): number {
    const s = this.words;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** A number of [0, 1), in steps of 2^-32. */
  next(): number {
    return this.nextUint32() / TWO_32;
  }

  /** An integer of [0, bound), every one equally likely. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > TWO_32) {
      throw new ConfigError(expected('bound', 'an integer from 1 to 2^32', bound));
    }
    // Numbers of the last, incomplete run of `bound` would favour the small results, so they are drawn again.
    const limit = TWO_32 - (TWO_32 % bound);
    let word = this.nextUint32();
    while (word >= limit) word = this.nextUint32();
    return word % bound;
  }

  /** A number of the standard normal distribution, by Box and Muller (1958). Takes two words, keeps none. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.nextUint32() + 1) / TWO_32));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /** The key of one counter-based operation, such as a dropout. */
  seedPair(): [number, number] {
    return [this.nextUint32(), this.nextUint32()];
  }

  /** The four words from which {@link restore} continues exactly here. */
  state(): RandomState {
    const s = this.words;
    return [s[0] >>> 0, s[1] >>> 0, s[2] >>> 0, s[3] >>> 0];
  }

  restore(state: ArrayLike<number>): void {
    if (state.length !== 4 || Array.from(state).some((word) => !Number.isInteger(word) || word < 0 || word >= TWO_32)) {
      throw new ConfigError(expected('random state', 'four unsigned 32-bit integers', Array.from(state)));
    }
    for (let index = 0; index < 4; index++) this.words[index] = state[index] | 0;
    this.avoidZero();
  }

  /**
   * A generator of its own for one purpose, for example `random.fork('dropout')`. It depends on this one's state and on the
   * label, and does not move this one, so that a new purpose never changes the numbers of the others.
   */
  fork(label: string): Random {
    const fork = new Random(0);
    const mix = splitmix32(hashLabel(label));
    for (let index = 0; index < 4; index++) fork.words[index] = splitmix32(this.words[index] ^ mix())();
    fork.avoidZero();
    return fork;
  }

  /** Shuffles in place, every order equally likely (Fisher and Yates), and returns the same array. */
  shuffle<A extends { length: number; [index: number]: unknown }>(array: A): A {
    const items: { [index: number]: unknown } = array;
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const item = items[last];
      items[last] = items[other];
      items[other] = item;
    }
    return array;
  }

  /** All zero words would give zeros for ever. */
  private avoidZero(): void {
    const s = this.words;
    if ((s[0] | s[1] | s[2] | s[3]) === 0) s[0] = 1;
  }
}
