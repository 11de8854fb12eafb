import { joinSamples } from '@cadenza/audio';
import { ConfigError, expected, InputError } from '@cadenza/core';
import { NoiseFloor } from './noiseFloor.js';

/** When sound counts as speech, and where an utterance ends. Times in seconds, levels in decibels. */
export interface EndpointingOptions {
  /** A silence of this length ends an utterance, and belongs to it; 0.5 unless told. */
  pause?: number;
  /** Sound of this length begins an utterance; what is shorter is passed over. 0.06 unless told. */
  minimumSpeech?: number;
  /** What is kept of the time before the first sound; 0.2 unless told. */
  padding?: number;
  /**
   * No utterance is longer; 20 unless told. Over its second half the silence that ends it shrinks from `pause` to nothing, so
   * that a speaker who makes no pauses is cut at the best place there is.
   */
  maximumUtterance?: number;
  /** A frame this far above the noise is loud; 8 unless told. */
  threshold?: number;
  /** The noise is the least level of so much time; 3 unless told. Steady sound that lasts longer becomes silence. */
  floorWindow?: number;
  /** What is below this level of full scale is silence whatever the noise; -65 unless told. */
  lowestLevel?: number;
}

/** Some samples of an utterance. */
export interface UtterancePiece {
  samples: Float32Array;
  /** The number of the first of them in the whole signal. */
  start: number;
  /** Whether the utterance begins and ends with them. */
  begins: boolean;
  ends: boolean;
}

/** Levels are measured over frames of this length, in seconds. */
const FRAME = 0.02;
/** The noise of a quiet room, in decibels of full scale: what is assumed until `floorWindow` has passed. */
const ASSUMED_FLOOR = -60;

/** The default of `maximumUtterance`. */
export const longestUtterance = 20;

const defaults = {
  ...{ pause: 0.5, minimumSpeech: 0.06, padding: 0.2, maximumUtterance: longestUtterance },
  ...{ threshold: 8, floorWindow: 3, lowestLevel: -65 },
};

/**
 * Cuts a signal that arrives in pieces into utterances at its silences, by the level of frames of 20 ms over a floor that
 * follows the noise ({@link NoiseFloor}). What is silent between utterances is left out. An utterance's samples are handed out as
 * they come, without waiting for its end; the pieces that they come in do not change where it begins and ends.
 */
export class EnergyEndpointer {
  private readonly options: Required<EndpointingOptions>;
  private readonly frameLength: number;
  private floor: NoiseFloor;
  /** Samples from number `heldFrom` on: of the padding before an utterance, and of a frame that is not whole. */
  private held: Float32Array = new Float32Array(0);
  private heldFrom = 0;
  /** Samples of whole frames that have been judged. */
  private judged = 0;
  /** Where the utterance that goes on began; the end of the last one. */
  private begun: number | undefined;
  private ended = 0;
  /** Samples of the utterance that were handed out end here. */
  private given = 0;
  /** Loud frames in a row, and frames that are not. */
  private loud = 0;
  private quiet = 0;

  /** @throws {ConfigError} for an option out of its range */
  constructor(
    readonly sampleRate: number,
    options: EndpointingOptions = {},
  ) {
    this.options = resolve(options);
    this.frameLength = Math.max(1, Math.round(FRAME * sampleRate));
    this.floor = this.newFloor();
  }

  /** How many samples have been pushed. */
  get received(): number {
    return this.heldFrom + this.held.length;
  }

  /** Whether an utterance has begun that has not ended. */
  get speaking(): boolean {
    return this.begun !== undefined;
  }

  /**
   * The pieces of utterances that the samples complete, in their order.
   * @throws {InputError} for a sample that is not finite
   */
  push(samples: Float32Array): UtterancePiece[] {
    checkFinite(samples, this.received);
    this.held = joinSamples([this.held, samples]);
    const pieces: UtterancePiece[] = [];
    while (this.judged + this.frameLength <= this.received) this.judge(pieces);
    if (this.begun !== undefined && this.judged > this.given) pieces.push(this.piece(this.judged, false));
    this.forget();
    return pieces;
  }

  /** The rest of an utterance that the end of the signal ends. The endpointer is then as new. */
  end(): UtterancePiece[] {
    const pieces = this.begun === undefined ? [] : [this.piece(this.received, true)];
    this.held = new Float32Array(0);
    this.heldFrom = this.judged = this.given = this.ended = this.loud = this.quiet = 0;
    this.begun = undefined;
    this.floor = this.newFloor();
    return pieces;
  }

  /** Looks at the next frame. */
  private judge(pieces: UtterancePiece[]): void {
    const { threshold, lowestLevel } = this.options;
    const level = Math.max(lowestLevel, levelOf(this.held, this.judged - this.heldFrom, this.frameLength));
    const isLoud = level > Math.max(lowestLevel, this.floor.next(level) + threshold);
    this.judged += this.frameLength;
    this.loud = isLoud ? this.loud + 1 : 0;
    this.quiet = isLoud ? 0 : this.quiet + 1;
    if (this.begun === undefined) this.considerBeginning();
    else this.considerEnd(this.judged - this.begun, pieces);
  }

  private considerBeginning(): void {
    if (this.loud < this.framesOf(this.options.minimumSpeech)) return;
    const firstLoud = this.judged - this.loud * this.frameLength;
    this.begun = this.given = Math.max(this.ended, firstLoud - this.paddingLength);
  }

  private considerEnd(length: number, pieces: UtterancePiece[]): void {
    const { pause, maximumUtterance } = this.options;
    const maximum = maximumUtterance * this.sampleRate;
    const patience = Math.min(1, 2 - (2 * (length + this.frameLength)) / maximum); // 1 until half of it, then down to 0
    const tooLong = length + this.frameLength > maximum;
    if (!tooLong && this.quiet < Math.max(1, this.framesOf(pause * patience))) return;
    pieces.push(this.piece(this.judged, true));
    // Where it was cut within a word, the rest of the word goes on at once, however short.
    this.loud = this.quiet === 0 ? Infinity : 0;
  }

  private piece(end: number, ends: boolean): UtterancePiece {
    const start = this.given;
    const samples = this.held.slice(start - this.heldFrom, end - this.heldFrom);
    const begins = start === this.begun;
    this.given = end;
    if (ends) {
      this.begun = undefined;
      this.ended = end;
    }
    return { samples, start, begins, ends };
  }

  /** Drops the samples that no utterance can need any more. */
  private forget(): void {
    const waiting = this.judged - this.framesOf(this.options.minimumSpeech) * this.frameLength - this.paddingLength;
    const from = this.begun === undefined ? Math.max(this.ended, waiting) : this.given;
    if (from <= this.heldFrom) return;
    this.held = this.held.slice(from - this.heldFrom);
    this.heldFrom = from;
  }

  private newFloor(): NoiseFloor {
    return NoiseFloor.ofWindow(this.framesOf(this.options.floorWindow), ASSUMED_FLOOR);
  }

  private get paddingLength(): number {
    return Math.round(this.options.padding * this.sampleRate);
  }

  private framesOf(seconds: number): number {
    return Math.max(1, Math.round((seconds * this.sampleRate) / this.frameLength));
  }
}

/** Where the utterances of a whole recording lie, as sample numbers, the end being the one after the last. */
export function findUtterances(
  samples: Float32Array,
  sampleRate: number,
  options: EndpointingOptions = {},
): { start: number; end: number }[] {
  const endpointer = new EnergyEndpointer(sampleRate, options);
  const found: { start: number; end: number }[] = [];
  const step = 10 * sampleRate;
  const take = (pieces: readonly UtterancePiece[]): void => {
    for (const { start, samples: piece, begins } of pieces) {
      if (begins) found.push({ start, end: start });
      found[found.length - 1].end = start + piece.length;
    }
  };
  for (let at = 0; at < samples.length; at += step) take(endpointer.push(samples.subarray(at, at + step)));
  take(endpointer.end());
  return found;
}

/** @throws {InputError} with the number of the first sample that is not finite */
export function checkFinite(samples: Float32Array, before: number): void {
  for (let at = 0; at < samples.length; at++) {
    if (Number.isFinite(samples[at])) continue;
    throw new InputError(`Expected finite samples, got ${samples[at]} at sample ${before + at}`);
  }
}

/** The power of a frame around its mean, in decibels of full scale: a constant offset is no sound. */
function levelOf(samples: Float32Array, from: number, length: number): number {
  let sum = 0;
  let squares = 0;
  for (let at = from; at < from + length; at++) {
    sum += samples[at];
    squares += samples[at] ** 2;
  }
  return 10 * Math.log10(Math.max(0, squares / length - (sum / length) ** 2));
}

function resolve(given: EndpointingOptions): Required<EndpointingOptions> {
  const options = { ...defaults };
  for (const [name, value] of Object.entries(given) as [keyof EndpointingOptions, number | undefined][]) {
    if (!(name in defaults)) {
      throw new ConfigError(`Expected endpointing to have ${Object.keys(defaults).join(', ')}, got ${name}`);
    }
    if (value !== undefined) options[name] = value;
  }
  for (const name of ['pause', 'minimumSpeech', 'maximumUtterance', 'floorWindow', 'threshold'] as const) {
    if (!(options[name] > 0 && options[name] < Infinity)) {
      throw new ConfigError(expected(`endpointing.${name}`, 'a positive number', options[name]));
    }
  }
  if (!(options.padding >= 0 && options.padding < Infinity)) {
    throw new ConfigError(expected('endpointing.padding', 'a number of at least 0', options.padding));
  }
  if (!(options.lowestLevel < 0 && options.lowestLevel > -Infinity)) {
    throw new ConfigError(expected('endpointing.lowestLevel', 'a number below 0', options.lowestLevel));
  }
  const least = options.padding + options.minimumSpeech + 2 * FRAME;
  if (options.maximumUtterance < least) {
    throw new ConfigError(
      expected(
        'endpointing.maximumUtterance',
        `at least ${least}, for padding and minimumSpeech`,
        options.maximumUtterance,
      ),
    );
  }
  return options;
}

/** Refuses what is out of range, by the names that it was given by. @throws {ConfigError} */
export function checkEndpointing(
  options: EndpointingOptions,
  sampleRate: number,
  names: Record<'maximumUtterance' | 'pause', string>,
): void {
  try {
    new EnergyEndpointer(sampleRate, options);
  } catch (cause) {
    const { message } = cause as ConfigError;
    const named = Object.entries(names).reduce(
      (text, [key, name]) => text.replace(`endpointing.${key}`, name),
      message,
    );
    throw new ConfigError(named, { cause });
  }
}
