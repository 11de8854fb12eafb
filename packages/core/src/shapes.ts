import { InputError } from './errors.js';

/**
 * The letters of shapes, everywhere in Cadenza:
 *
 * B batch · T time · S source time · D input · H hidden · P projection (= H where there is none) · V vocabulary ·
 * N rows · F frames · M mel bands
 */
export type Sizes = Record<string, number>;

/** One expected dimension: a size, `null` for any, a letter such as `'H'`, or a multiple of one such as `'4H'`. */
export type Dimension = number | string | null;

/** Whatever has a shape: a tensor, a variable, or a kernel's tensor info. */
export interface Shaped {
  readonly shape: readonly number[];
  readonly dtype?: string;
}

const LETTER = /^(\d*)([A-Za-z]+)$/;

/**
 * Checks a shape and learns the sizes of its letters: the first dimension called `H` fixes H for the checks that share
 * `sizes`. Throws an {@link InputError} that names the tensor, what was expected, and what came.
 */
export function assertShape(tensor: Shaped, shape: readonly Dimension[], name: string, sizes: Sizes = {}): Sizes {
  const got = tensor.shape;
  let fits = got.length === shape.length;
  for (let axis = 0; fits && axis < shape.length; axis++) fits = dimensionFits(shape[axis], got[axis], sizes);
  if (!fits) {
    const wanted = shape.map((dimension) => describe(dimension, sizes)).join(', ');
    throw new InputError(`Expected ${name} to have shape [${wanted}], got [${got.join(', ')}]`, { code: 'SHAPE' });
  }
  return sizes;
}

/** Checks the type of a tensor's values. */
export function assertType(tensor: Shaped, dtype: string, name: string): void {
  if (tensor.dtype !== dtype) {
    throw new InputError(`Expected ${name} to be of type ${dtype}, got ${tensor.dtype}`, { code: 'TYPE' });
  }
}

function dimensionFits(wanted: Dimension, got: number, sizes: Sizes): boolean {
  if (wanted === null) return true;
  if (typeof wanted === 'number') return wanted === got;
  const { factor, letter } = parse(wanted);
  if (sizes[letter] !== undefined) return factor * sizes[letter] === got;
  if (got % factor !== 0) return false;
  sizes[letter] = got / factor;
  return true;
}

/** The dimensions met so far: they are few, and are checked at every step of a sequence that is decoded. */
const parsed = new Map<string, { factor: number; letter: string }>();

function parse(dimension: string): { factor: number; letter: string } {
  const known = parsed.get(dimension);
  if (known) return known;
  const match = LETTER.exec(dimension);
  if (!match) throw new TypeError(`Expected a dimension such as H or 4H, got ${dimension}`);
  const result = { factor: match[1] === '' ? 1 : Number(match[1]), letter: match[2] };
  parsed.set(dimension, result);
  return result;
}

function describe(dimension: Dimension, sizes: Sizes): string {
  if (dimension === null) return 'any';
  if (typeof dimension === 'number') return String(dimension);
  const { factor, letter } = parse(dimension);
  return sizes[letter] === undefined ? dimension : `${dimension}=${factor * sizes[letter]}`;
}
