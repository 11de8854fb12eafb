/**
 * A worker thread that decodes FLAC, Ogg Vorbis, Opus and MP3, so that a file which makes a decoder hang, print or fail takes no more with
 * it than this thread: src/compressed/decoderThread.ts starts and ends it. For each message
 * `{ codec, bytes, mono, maximumSamples }`, or with an OpusStream (src/compressed/oggOpus.ts) `{ codec, stream, maximumSamples }`, it
 * answers `{ ready }` when the decoder stands, and then `{ channelData, sampleRate, errors }`, `{ excess }` or `{ failure }`.
 */
import { parentPort } from 'node:worker_threads';

const DECODERS = {
  flac: async () => new (await import('@wasm-audio-decoders/flac')).FLACDecoder(),
  vorbis: async () => new (await import('@wasm-audio-decoders/ogg-vorbis')).OggVorbisDecoder(),
  opus: async ({ sampleRate, channels, streamCount, coupledStreamCount, channelMappingTable }) => {
    const { OpusDecoder } = await import('opus-decoder');
    return new OpusDecoder({ sampleRate, channels, streamCount, coupledStreamCount, channelMappingTable });
  },
  mp3: async () => new (await import('mpg123-decoder')).MPEGDecoder(),
};

// The decoders report here what is wrong with a file. MP3's goes on with the same bytes for ever afterwards: this ends it.
console.error = (message) => {
  throw new Error(message);
};

/** FLAC and Vorbis may unpack to a hundred thousand times their bytes, so they are decoded in small pieces; MP3 in those of its decoder. */
const PIECE_BYTES = { flac: 1 << 11, vorbis: 1 << 11, mp3: 1 << 16 };
const PIECE_PACKETS = 16;

/**
 * A header of a FLAC frame, which ends the frame before it, and more bytes than any header needs. Without it the parser takes a last frame
 * that is about as short as its header, as one of silence is, for a part of the frame before.
 */
const FLAC_END = Uint8Array.of(0xff, 0xf8, 0x89, 0x08, 0x00, 0x13, ...new Array(32).fill(0));

/** What a decoder makes of a file, a part after another. */
async function* decodedParts(decoder, { codec, bytes, stream }) {
  if (codec === 'opus') {
    const { packets } = stream;
    for (let at = 0; at < packets.length; at += PIECE_PACKETS) {
      yield decoder.decodeFrames(packets.slice(at, at + PIECE_PACKETS));
    }
    return;
  }
  const size = PIECE_BYTES[codec];
  for (let at = 0; at < bytes.length; at += size) yield await decoder.decode(bytes.subarray(at, at + size));
  if (codec === 'flac' && bytes[0] !== 0x4f)
    yield await decoder.decode(FLAC_END); // not in Ogg
  else if (codec !== 'mp3') yield await decoder.flush();
}

/**
 * FLAC's integers as parts of 2 ** (bits - 1), as in a WAV file of as many bits; the decoder divides by one less. Rounding finds the
 * integers again.
 */
function scaleFlac(channel, bitDepth) {
  const most = 2 ** (bitDepth - 1) - 1;
  for (let at = 0; at < channel.length; at++) channel[at] = Math.round(channel[at] * most) / (most + 1);
}

/** All of the parts, `{ channelData, sampleRate, errors }`; or `{ excess }` as soon as they have more samples than the maximum. */
async function decode(decoder, message) {
  const { codec, stream, mono, maximumSamples } = message;
  const parts = [];
  const errors = [];
  let sampleRate = 0;
  let length = 0;
  const { skip, gain, ...sound } = { skip: 0, length: Infinity, gain: 1, ...stream };
  for await (const part of decodedParts(decoder, message)) {
    errors.push(...part.errors.map(({ message }) => message));
    const channelData = mono ? part.channelData.slice(0, 1) : part.channelData;
    if (!(channelData[0]?.length > 0)) continue;
    const isFirst = parts.length === 0;
    if (!isFirst && (part.sampleRate !== sampleRate || channelData.length !== parts[0].length)) {
      throw new Error('another rate or number of channels on the way');
    }
    sampleRate = part.sampleRate;
    length += channelData[0].length;
    if ((length - skip) * channelData.length > maximumSamples) return { excess: true };
    if (codec === 'flac') for (const channel of channelData) scaleFlac(channel, part.bitDepth);
    parts.push(channelData);
  }
  const range = { skip, length: Math.max(0, Math.min(sound.length, length - skip)) };
  const channelData = Array.from(parts[0] ?? [], (_, channel) => joined(parts, channel, range));
  if (gain !== 1) for (const channel of channelData) channel.forEach((value, at) => (channel[at] = value * gain));
  return { channelData, sampleRate, errors };
}

/** The samples of a channel, without those before and behind the sound. */
function joined(parts, channel, { skip, length }) {
  const samples = new Float32Array(length);
  let at = -skip;
  for (const { [channel]: part } of parts) {
    const [from, to] = [Math.max(0, -at), Math.min(part.length, length - at)];
    if (from < to) samples.set(part.subarray(from, to), at + from);
    at += part.length;
  }
  return samples;
}

parentPort.on('message', async (message) => {
  let decoder;
  try {
    decoder = await DECODERS[message.codec](message.stream);
    await decoder.ready;
    parentPort.postMessage({ ready: true });
    const decoded = await decode(decoder, message);
    parentPort.postMessage(
      decoded,
      decoded.channelData?.map(({ buffer }) => buffer),
    );
  } catch (error) {
    parentPort.postMessage({ failure: String(error?.message ?? error) });
  } finally {
    try {
      decoder?.free();
    } catch {
      // It was not made.
    }
  }
});
