import { InputError } from '@cadenza/core';
import { compandingTable } from './companding.js';
import { decodeImaAdpcm, imaFrameCount } from './imaAdpcm.js';
import type { WavSampleFormat } from './wavFormat.js';

/** Frames in so many bytes. */
export function frameCount(format: WavSampleFormat, byteLength: number): number {
  return format.encoding === 'ima-adpcm'
    ? imaFrameCount(format, byteLength)
    : Math.floor(byteLength / format.blockAlign);
}

/**
 * Decodes the bytes of a `data` chunk, one array a channel. Integers become [-1, 1) by division through half their
 * range; floats stay as they are, also beyond 1, but for NaN and infinity, which are refused with the frame that has one.
 *
 * @param firstFrame the number of the first frame here, for the message
 */
export function decodeSamples(
  bytes: Uint8Array,
  format: WavSampleFormat,
  name: string,
  firstFrame = 0,
): Float32Array[] {
  if (format.encoding === 'ima-adpcm') return decodeImaAdpcm(bytes, format);
  const { channels, bits, blockAlign } = format;
  const frames = frameCount(format, bytes.length);
  const read = sampleReader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), format);
  const width = bits / 8;
  const decoded = Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let frame = 0, at = channel * width; frame < frames; frame++, at += blockAlign) samples[frame] = read(at);
    return samples;
  });
  if (format.encoding === 'float') refuseNonFinite(decoded, name, firstFrame);
  return decoded;
}

/** One sample at a byte, by encoding and width. */
function sampleReader(view: DataView, format: WavSampleFormat): (at: number) => number {
  const little = !format.bigEndian;
  if (format.encoding === 'float') {
    return format.bits === 32 ? (at) => view.getFloat32(at, little) : (at) => view.getFloat64(at, little);
  }
  if (format.encoding !== 'integer') {
    const table = compandingTable(format.encoding as 'alaw' | 'mulaw');
    return (at) => table[view.getUint8(at)];
  }
  switch (format.bits) {
    case 8:
      return (at) => (view.getUint8(at) - 128) / 128;
    case 16:
      return (at) => view.getInt16(at, little) / 32768;
    case 24:
      return little
        ? (at) => (view.getUint16(at, true) | (view.getInt8(at + 2) << 16)) / 8388608
        : (at) => (view.getUint16(at + 1, false) | (view.getInt8(at) << 16)) / 8388608;
    default:
      return (at) => view.getInt32(at, little) / 2147483648;
  }
}

function refuseNonFinite(channels: Float32Array[], name: string, firstFrame: number): void {
  for (const [channel, samples] of channels.entries()) {
    for (let frame = 0; frame < samples.length; frame++) {
      if (Number.isFinite(samples[frame])) continue;
      const where = `at frame ${firstFrame + frame} of channel ${channel}`;
      throw new InputError(`Expected finite samples in ${name}, got ${samples[frame]} ${where}`, { code: 'WAV' });
    }
  }
}
