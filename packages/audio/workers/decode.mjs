/**
 * A worker thread that decodes FLAC, Ogg Vorbis, Opus and MP3, so that a file which makes a decoder hang, print or fail takes no more with
 * it than this thread: src/compressed/decoderThread.ts starts and ends it. For each message
 * `{ codec, bytes }`, or `{ codec, stream }` with an OpusStream (src/compressed/oggOpus.ts), it answers
 * `{ channelData, sampleRate, errors }` or `{ failure }`.
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

/** The samples of the packets, without those before and behind the sound. */
function decodePackets(decoder, { packets, skip, length, gain }) {
  const { channelData, sampleRate, errors } = decoder.decodeFrames(packets);
  const samples = channelData.map((channel) => channel.subarray(skip, skip + length).map((value) => value * gain));
  return { channelData: samples, sampleRate, errors };
}

parentPort.on('message', async ({ codec, bytes, stream }) => {
  let decoder;
  try {
    decoder = await DECODERS[codec](stream);
    await decoder.ready;
    const { channelData, sampleRate, errors } =
      codec === 'opus'
        ? decodePackets(decoder, stream)
        : await (codec === 'mp3' ? decoder.decode(bytes) : decoder.decodeFile(bytes));
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
