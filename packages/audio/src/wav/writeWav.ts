import { writeFile } from 'node:fs/promises';
import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';

export interface WriteWavOptions {
  sampleRate: number;
  /** 16-bit integers (unless told), rounded and limited to the range, or 32-bit floats as they are. */
  format?: 'int16' | 'float32';
}

const HEADER_BYTES = { int16: 44, float32: 58 };

/**
 * The bytes of a WAV file (RIFF, little-endian) of one or several channels of equal length. A float file carries the
 * `fact` chunk that the specification asks of every format but PCM.
 *
 * @throws {InputError} for channels of unequal length, samples that are not finite, or more than 4 GiB
 */
export function encodeWav(samples: Float32Array | readonly Float32Array[], options: WriteWavOptions): Uint8Array {
  refuseUnknown('encodeWav', options, ['sampleRate', 'format']);
  const { sampleRate, format = 'int16' } = options;
  if (format !== 'int16' && format !== 'float32') throw new ConfigError(expected('format', 'int16 or float32', format));
  if (!Number.isInteger(sampleRate) || sampleRate < 1 || sampleRate > 0xffffffff) {
    throw new ConfigError(expected('sampleRate', 'a positive 32-bit integer', sampleRate));
  }
  const channels = samples instanceof Float32Array ? [samples] : samples;
  if (channels.length < 1 || channels.length > 0xffff / 4) {
    throw new InputError(expected('channels', 'from 1 to 16383', channels.length));
  }
  const frames = channels[0].length;
  for (const channel of channels) {
    if (channel.length !== frames) throw new InputError(expected('every channel', `${frames} long`, channel.length));
  }
  const width = format === 'int16' ? 2 : 4;
  const dataLength = frames * channels.length * width;
  if (dataLength > 0xffffff00) throw new InputError(expected('samples', 'of at most 4 GiB', `${dataLength} bytes`));
  const bytes = new Uint8Array(HEADER_BYTES[format] + dataLength);
  const view = new DataView(bytes.buffer);
  const start = writeHeader(view, channels.length, sampleRate, width, frames, dataLength);
  for (const [channel, values] of channels.entries()) {
    let at = start + channel * width;
    for (let frame = 0; frame < frames; frame++, at += width * channels.length) {
      const value = values[frame];
      if (!Number.isFinite(value)) {
        throw new InputError(expected(`sample ${frame} of channel ${channel}`, 'finite', value));
      }
      if (width === 4) view.setFloat32(at, value, true);
      else view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(value * 32768))), true);
    }
  }
  return bytes;
}

/** Writes the chunks before the samples, and says where those begin. */
function writeHeader(
  view: DataView,
  channels: number,
  sampleRate: number,
  width: number,
  frames: number,
  dataLength: number,
): number {
  let at = 0;
  const tag = (text: string): void => {
    for (const letter of text) view.setUint8(at++, letter.charCodeAt(0));
  };
  const uint16 = (value: number): void => (view.setUint16(at, value, true), void (at += 2));
  const uint32 = (value: number): void => (view.setUint32(at, value, true), void (at += 4));
  const float = width === 4;
  tag('RIFF');
  uint32(view.byteLength - 8);
  tag('WAVEfmt ');
  uint32(float ? 18 : 16);
  uint16(float ? 3 : 1);
  uint16(channels);
  uint32(sampleRate);
  uint32(Math.min(0xffffffff, sampleRate * channels * width));
  uint16(channels * width);
  uint16(8 * width);
  if (float) {
    uint16(0); // no extension
    tag('fact');
    uint32(4);
    uint32(frames);
  }
  tag('data');
  uint32(dataLength);
  return at;
}

/** Writes a WAV file to disk; see {@link encodeWav}. */
export async function writeWav(
  path: string,
  samples: Float32Array | readonly Float32Array[],
  options: WriteWavOptions,
): Promise<void> {
  await writeFile(path, encodeWav(samples, options));
}
