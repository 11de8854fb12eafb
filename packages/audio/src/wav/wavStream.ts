import { plural } from '@cadenza/core';
import { wavError } from './wavError.js';
import { decodeSamples, frameCount } from './decodeSamples.js';
import { parseWav, type WavFormat } from './wavFormat.js';

/** Chunks before the samples may not be longer than this, so that a stream cannot fill the memory with them. */
const LONGEST_HEADER = 1 << 20;

/**
 * Decodes a WAV file as its bytes arrive, in memory that does not grow. `push` gives back the frames that became whole,
 * one array a channel, the same as {@link decodeWav} of all the bytes (which also trims the padding of a last IMA ADPCM
 * block).
 *
 *     const stream = new WavStream('standard input');
 *     for await (const bytes of process.stdin) recognizer.push(mixChannels(stream.push(bytes)));
 *     stream.end();
 */
export class WavStream {
  private pending = new Uint8Array(0);
  private frames = 0;
  private taken = 0;
  private known: WavFormat | undefined;

  constructor(private readonly name = 'the WAV stream') {}

  /** What the header said; `undefined` until it has arrived. */
  get format(): WavFormat | undefined {
    return this.known;
  }

  /**
   * @returns `[channels]` arrays of the new frames; none while the header is incomplete
   * @throws {InputError} as {@link decodeWav} does
   */
  push(bytes: Uint8Array): Float32Array[] {
    // What follows the samples is not held: a stream may go on for ever behind them.
    const added = bytes.subarray(0, (this.known?.dataLength ?? Infinity) - this.taken - this.pending.length);
    const joined = new Uint8Array(this.pending.length + added.length);
    joined.set(this.pending);
    joined.set(added, this.pending.length);
    this.pending = joined;
    if (!this.known) {
      this.known = parseWav(joined, this.name, false);
      if (!this.known) {
        if (joined.length <= LONGEST_HEADER) return [];
        throw wavError(this.name, LONGEST_HEADER, 'begun its "data" chunk', 'none yet');
      }
      const { dataStart, dataLength = Infinity } = this.known;
      this.pending = joined.subarray(dataStart, dataStart + dataLength);
    }
    const available = this.pending.length;
    return this.take(available - (available % this.known.blockAlign));
  }

  /**
   * Ends the stream, and gives the frames of a last block that is cut short (IMA ADPCM).
   * @throws {InputError} if the header or samples that it counts are missing
   */
  end(): Float32Array[] {
    if (!this.known) {
      parseWav(this.pending, this.name); // says what is missing
      throw wavError(this.name, 0, 'a header', 'the end of the stream');
    }
    const { dataLength, dataStart } = this.known;
    if (dataLength !== undefined && this.taken + this.pending.length < dataLength) {
      const held = this.taken + this.pending.length;
      throw wavError(
        this.name,
        dataStart + held,
        `${plural(dataLength, 'byte')} of samples`,
        `the end after ${held} of them`,
      );
    }
    return this.take(this.pending.length);
  }

  private take(length: number): Float32Array[] {
    const format = this.known!;
    const data = this.pending.subarray(0, length);
    const samples = decodeSamples(data, format, this.name, this.frames);
    this.frames += frameCount(format, length);
    this.taken += length;
    this.pending = this.pending.slice(length);
    return samples;
  }
}
