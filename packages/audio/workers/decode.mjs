/**
 * A worker thread that decodes FLAC, Ogg Vorbis, Opus and MP3, so that a file which makes a decoder hang, print or fail takes no more with
 * it than this thread: src/compressed/decoderThread.ts starts and ends it. For each message
 * `{ codec, bytes }`, or `{ codec, stream }` with an OpusStream (src/compressed/oggOpus.ts), it answers `{ ready }` when the decoder
 * stands, and then `{ channelData, sampleRate, errors }`; or `{ failure }`.
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

/**
 * FLAC's integers as parts of 2 ** (bits - 1), as in a WAV file of as many bits; the decoder divides by one less. Rounding finds the
 * integers again.
 */
function decodeFlac({ channelData, bitDepth, ...rest }) {
  const most = 2 ** (bitDepth - 1) - 1;
  const scaled = channelData.map((channel) => channel.map((value) => Math.round(value * most) / (most + 1)));
  return { ...rest, channelData: scaled };
}

/** The samples of the packets, without those before and behind the sound. */
function decodePackets(decoder, { packets, skip, length, gain }) {
  const { channelData, sampleRate, errors } = decoder.decodeFrames(packets);
  const samples = channelData.map((channel) => channel.subarray(skip, skip + length).map((value) => value * gain));
  return { channelData: samples, sampleRate, errors };
}

async function decode(decoder, { codec, bytes, stream }) {
  if (codec === 'opus') return decodePackets(decoder, stream);
  if (codec === 'mp3') return decoder.decode(bytes);
  const decoded = await decoder.decodeFile(bytes);
  return codec === 'flac' ? decodeFlac(decoded) : decoded;
}

parentPort.on('message', async ({ codec, bytes, stream }) => {
  let decoder;
  try {
    decoder = await DECODERS[codec](stream);
    await decoder.ready;
    parentPort.postMessage({ ready: true });
    const { channelData, sampleRate, errors } = await decode(decoder, { codec, bytes, stream });
    // Copies, since some of them are parts of longer arrays.
    const copies = channelData.map((channel) => Float32Array.from(channel));
    const transfer = copies.map(({ buffer }) => buffer);
    parentPort.postMessage({ channelData: copies, sampleRate, errors: errors.map(({ message }) => message) }, transfer);
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
