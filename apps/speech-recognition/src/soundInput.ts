import { mixChannels, WavStream } from '@cadenza/audio';
import { InputError } from '@cadenza/core';

/** In hertz, of samples without a header; what a sound card can do is below. */
export const HIGHEST_RATE = 1_000_000;
/** Of samples without a header. */
export const MOST_CHANNELS = 256;

/** How samples without a header are stored, by the codes of WAV's formats: an integer is 1, a float 3, A-law 6, mu-law 7. */
const encodings = {
  u8: { code: 1, bits: 8 },
  s16le: { code: 1, bits: 16 },
  s24le: { code: 1, bits: 24 },
  s32le: { code: 1, bits: 32 },
  f32le: { code: 3, bits: 32 },
  f64le: { code: 3, bits: 64 },
  alaw: { code: 6, bits: 8 },
  mulaw: { code: 7, bits: 8 },
} as const;

export type RawEncoding = keyof typeof encodings;
export const rawEncodings = Object.keys(encodings) as RawEncoding[];

/** Samples without a header. */
export interface RawFormat {
  encoding: RawEncoding;
  /** In hertz. */
  sampleRate: number;
  channels: number;
}

/** Some samples, all channels mixed to one. */
export interface SoundPiece {
  samples: Float32Array;
  sampleRate: number;
}

/**
 * Decodes sound while its bytes arrive: a WAV stream, or samples of a given format. A last frame that is cut short is left out.
 *
 * @throws {InputError} for bytes that are no WAV, for samples that are no numbers, and at the end of a WAV that is cut short;
 * what came before has been given by then
 */
export async function* decodeSound(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  raw?: RawFormat,
  nameOfRaw = '--raw',
): AsyncGenerator<SoundPiece> {
  const stream = new WavStream(name);
  const decode = (piece: () => Float32Array[]): Float32Array[] => {
    try {
      return piece();
    } catch (cause) {
      if (stream.format !== undefined || !(cause instanceof InputError)) throw cause;
      throw new InputError(`${cause.message}; samples without a header need ${nameOfRaw}`, { code: cause.code, cause });
    }
  };
  if (raw !== undefined) stream.push(endlessHeader(raw));
  const piece = (channels: Float32Array[]): SoundPiece[] =>
    channels.length === 0 || channels[0].length === 0
      ? []
      : [{ samples: mixChannels(channels), sampleRate: stream.format!.sampleRate }];
  for await (const arrived of bytes) yield* piece(decode(() => stream.push(arrived)));
  yield* piece(decode(() => stream.end()));
}

/** What is heard is told after so many seconds of sound at most, also where more arrives at once, as from a file. */
const STEP = 0.25;

/** Samples in pieces after each of which it is told what was heard. */
export function* inSteps(samples: Float32Array, sampleRate: number): Generator<Float32Array> {
  const step = Math.ceil(STEP * sampleRate);
  for (let at = 0; at < samples.length; at += step) yield samples.subarray(at, at + step);
}

/** The header of a WAV stream of these samples whose length nobody knows yet. */
function endlessHeader({ encoding, sampleRate, channels }: RawFormat): Uint8Array {
  const { code, bits } = encodings[encoding];
  const header = new Uint8Array(44);
  const view = new DataView(header.buffer);
  header.set(Buffer.from('RIFF    WAVEfmt ', 'latin1'));
  view.setUint32(4, 0xffffffff, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, code, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint16(32, (channels * bits) / 8, true);
  view.setUint16(34, bits, true);
  header.set(Buffer.from('data', 'latin1'), 36);
  view.setUint32(40, 0xffffffff, true);
  return header;
}
