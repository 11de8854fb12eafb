import { BeamEditDistance } from './beamEditDistance.js';
import { tokenIds } from './tokenIds.js';

/** Tercom's longest shift, in words. */
const MAX_SHIFT_SIZE = 10;
/** How far apart, in words, the matching words may stand. */
const MAX_SHIFT_DISTANCE = 50;
/** How many shifts of a sentence sacreBLEU tries in all. */
const MAX_CANDIDATES = 1000;

/** Words that stand alike in hypothesis and reference. */
interface Match {
  hypothesisStart: number;
  referenceStart: number;
  length: number;
}

interface Shift {
  /** By how much the edit distance falls. */
  gain: number;
  length: number;
  start: number;
  target: number;
  words: Int32Array;
}

/**
 * The edits of the translation edit rate (Snover et al. 2006, section 3): insertions, deletions and replacements of words,
 * and shifts of a run of words, one each. The best set of shifts is NP-hard to find, so the shift that helps most is done
 * again and again until none helps, by Tercom's rules for which are tried, as sacreBLEU follows them.
 */
export function translationEdits(hypothesis: readonly string[], reference: readonly string[]): number {
  if (reference.length === 0) return hypothesis.length;
  const [ids, wanted] = tokenIds(hypothesis, reference);
  const search = new ShiftSearch(ids, wanted);
  let shifts = 0;
  while (search.shift()) shifts++;
  return shifts + search.distance;
}

class ShiftSearch {
  distance = 0;
  private candidates = 0;
  private readonly editDistance: BeamEditDistance;

  constructor(
    private words: Int32Array,
    private readonly reference: Int32Array,
  ) {
    this.editDistance = new BeamEditDistance(reference, words.length);
    this.distance = this.editDistance.accept(words);
  }

  /** Does the shift that helps most; false where none does, or too many were tried. */
  shift(): boolean {
    const best = this.bestShift();
    if (this.candidates >= MAX_CANDIDATES || best === undefined || best.gain <= 0) return false;
    this.words = best.words;
    this.distance = this.editDistance.accept(best.words);
    return true;
  }

  private bestShift(): Shift | undefined {
    const { places, hypothesisErrors, referenceErrors } = this.editDistance.alignment();
    let best: Shift | undefined;
    for (const match of matches(this.words, this.reference)) {
      const { hypothesisStart, referenceStart, length } = match;
      // Only words that are wrong where they stand go to where the reference misses them.
      if (hypothesisErrors[hypothesisStart + length] === hypothesisErrors[hypothesisStart]) continue;
      if (referenceErrors[referenceStart + length] === referenceErrors[referenceStart]) continue;
      const place = places[referenceStart];
      if (place >= hypothesisStart && place < hypothesisStart + length) continue;
      for (const target of targets(places, match)) {
        const shift = this.tryShift(hypothesisStart, length, target);
        if (best === undefined || precedes(shift, best)) best = shift;
      }
      if (this.candidates >= MAX_CANDIDATES) break;
    }
    return best;
  }

  private tryShift(start: number, length: number, target: number): Shift {
    const position = landing(this.words.length, start, length, target);
    const words = moved(this.words, start, length, position);
    this.candidates++;
    const gain = this.distance - this.editDistance.distance(words, Math.min(start, position));
    return { gain, length, start, target, words };
  }
}

/** Every run of equal words, beginning with each of its first words, short ones first. */
function* matches(words: Int32Array, reference: Int32Array): Generator<Match> {
  for (let hypothesisStart = 0; hypothesisStart < words.length; hypothesisStart++) {
    const from = Math.max(0, hypothesisStart - MAX_SHIFT_DISTANCE);
    const to = Math.min(reference.length - 1, hypothesisStart + MAX_SHIFT_DISTANCE);
    for (let referenceStart = from; referenceStart <= to; referenceStart++) {
      const longest = Math.min(MAX_SHIFT_SIZE, words.length - hypothesisStart, reference.length - referenceStart);
      for (let length = 1; length <= longest; length++) {
        if (words[hypothesisStart + length - 1] !== reference[referenceStart + length - 1]) break;
        yield { hypothesisStart, referenceStart, length };
      }
    }
  }
}

/** The places of the hypothesis before which the match may go: after the neighbour before it, or after one of its own words. */
function* targets(places: Int32Array, { referenceStart, length }: Match): Generator<number> {
  let previous = -1;
  for (let offset = -1; offset < length; offset++) {
    const word = referenceStart + offset;
    const target = word < 0 ? 0 : places[word] + 1;
    if (target !== previous) yield target;
    previous = target;
  }
}

/** Whether a shift is the better of two: by gain, then the longer, then the one from, and then to, the earlier place. */
function precedes(shift: Shift, other: Shift): boolean {
  if (shift.gain !== other.gain) return shift.gain > other.gain;
  if (shift.length !== other.length) return shift.length > other.length;
  if (shift.start !== other.start) return shift.start < other.start;
  return shift.target < other.target;
}

/**
 * Where a run lands, counted in the other words. A target beyond the run is a place among all words; one within it counts,
 * as Tercom has it, among the others.
 */
function landing(total: number, start: number, length: number, target: number): number {
  return target > start + length ? target - length : Math.min(target, total - length);
}

function moved(words: Int32Array, start: number, length: number, position: number): Int32Array {
  const result = words.slice();
  if (position < start) result.copyWithin(position + length, position, start);
  else result.copyWithin(start, start + length, position + length);
  result.set(words.subarray(start, start + length), position);
  return result;
}
