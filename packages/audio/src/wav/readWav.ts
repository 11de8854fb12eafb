import { readFile } from 'node:fs/promises';
import { checkReadOptions } from '../checks.js';
import { fileProblem } from '../files/atomicFile.js';
import { type AudioClip, audioClip, type ChannelChoice, chooseChannels } from './audioClip.js';
import { decodeSamples, frameCount } from './decodeSamples.js';
import { parseWav } from './wavFormat.js';

export interface ReadWavOptions {
  /** `all` unless told. */
  channels?: ChannelChoice;
  /** What errors call the bytes; the path for {@link readWav}. */
  name?: string;
}

/**
 * Decodes a WAV file: integers of 8 to 32 bits, floats of 32 and 64, A-law, mu-law and IMA ADPCM, plain or extensible,
 * in RIFF, RIFX, RF64 or BW64. See {@link parseWav} for what is refused.
 *
 * @throws {InputError} one line that names the file, the byte and what was expected there
 */
export function decodeWav(bytes: Uint8Array, options: ReadWavOptions = {}): AudioClip {
  checkReadOptions(options);
  const { channels = 'all', name = 'the WAV file' } = options;
  const format = parseWav(bytes, name);
  const end = format.dataLength === undefined ? bytes.length : format.dataStart + format.dataLength;
  const data = bytes.subarray(format.dataStart, end);
  let samples = decodeSamples(data, format, name);
  const frames = frameCount(format, data.length);
  // The last block of IMA ADPCM is filled up; the fact chunk counts what was meant, which some programs divide by the channels.
  const isDivided = format.channels > 1 && format.factFrames === Math.floor(frames / format.channels);
  const meant = isDivided ? frames : (format.factFrames ?? frames);
  if (format.encoding === 'ima-adpcm' && meant < frames && meant > frames - format.framesPerBlock) {
    samples = samples.map((channel) => channel.slice(0, meant));
  }
  return audioClip(chooseChannels(samples, channels), format.sampleRate);
}

/** Reads a WAV file from disk; see {@link decodeWav}. */
export async function readWav(path: string, options: ReadWavOptions = {}): Promise<AudioClip> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw fileProblem('a WAV file', path, cause);
  });
  return decodeWav(bytes, { name: path, ...options });
}
