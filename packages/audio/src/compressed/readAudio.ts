import { readFile } from 'node:fs/promises';
import { InputError, plural } from '@cadenza/core';
import { assertInteger, checkReadOptions } from '../checks.js';
import { fileProblem } from '../files/atomicFile.js';
import { type AudioClip, audioClip, chooseChannels } from '../wav/audioClip.js';
import { decodeSphere } from '../sphere/decodeSphere.js';
import { decodeWav, type ReadWavOptions } from '../wav/readWav.js';
import { decodeInThread } from './decoderThread.js';
import { checkFrames } from './mp3Frames.js';
import { readOpusStream } from './oggOpus.js';
import { readOggPages } from './oggPages.js';
import { type SniffedFormat, sniffFormat } from './sniff.js';
import { endBeforeTags } from './tags.js';

const NAMES = { flac: 'FLAC', vorbis: 'Ogg Vorbis', opus: 'Ogg Opus', mp3: 'MP3' };

/** 8 GiB: 12 hours of one channel at 48,000 Hz, 37 at 16,000. */
const MAXIMUM_SAMPLES = 2 ** 31;

export interface ReadAudioOptions extends ReadWavOptions {
  /** Samples that a file may have, in all its channels together; 2 ** 31 unless told. A few bytes may unpack to any number of them. */
  maximumSamples?: number;
}

/**
 * Decodes a sound file of whatever kind: WAV as {@link decodeWav} does, NIST SPHERE as {@link decodeSphere}, FLAC, Ogg Vorbis, Ogg Opus and MP3 in a thread of their own, by
 * libraries that are loaded with the first such file. Its first bytes say what it is. Opus is decoded to the rate of what was encoded.
 *
 * @throws {InputError} one line for another kind of file, for one that a decoder refuses or complains of, for what is cut off, and for more
 * samples than the maximum, which are not unpacked
 */
export async function decodeAudio(bytes: Uint8Array, options: ReadAudioOptions = {}): Promise<AudioClip> {
  checkReadOptions(options, ['maximumSamples']);
  const { channels = 'all', name = 'the sound file', maximumSamples = MAXIMUM_SAMPLES } = options;
  assertInteger('maximumSamples', maximumSamples, 1);
  const format = sniffFormat(bytes, name);
  const { samples, sampleRate } = await decodeFormat(bytes, format, { name, maximumSamples });
  checkMaximum(samples.length * samples[0].length, { name, maximumSamples });
  return audioClip(chooseChannels(samples, channels), sampleRate);
}

type Limits = Required<Pick<ReadAudioOptions, 'name' | 'maximumSamples'>>;

/** All channels of a file. */
async function decodeFormat(
  bytes: Uint8Array,
  format: SniffedFormat,
  limits: Limits,
): Promise<Pick<AudioClip, 'samples' | 'sampleRate'>> {
  const { name, maximumSamples } = limits;
  // Some programs put the tags of MP3 behind the frames of FLAC, which its decoder takes for a frame that is cut off.
  const end = format.kind === 'flac' ? endBeforeTags(bytes, format.start) : bytes.length;
  const data = bytes.subarray(format.start, end);
  if (format.kind === 'wav') return decodeWav(data, { name });
  if (format.kind === 'sphere') return decodeSphere(data, { name });
  const wanted = `sound that can be decoded as ${NAMES[format.kind]}`;
  const refused = (got: string) => new InputError(`Expected ${name} to have ${wanted}, got ${got}`, { code: 'AUDIO' });
  const counted = countedSamples(data, format);
  if (counted !== undefined) checkMaximum(counted.samples * counted.channels, limits);
  if (format.kind === 'mp3') checkFrames(bytes, format.start, name);
  const pages = data[0] === 0x4f ? readOggPages(data, name) : []; // OggS
  const answer = await decodeInThread(
    format.kind === 'opus'
      ? { codec: 'opus', stream: readOpusStream(pages, name), maximumSamples }
      : { codec: format.kind, bytes: data, mono: format.mono, maximumSamples },
  );
  if (answer.failure !== undefined) throw refused(oneLine(answer.failure));
  if (answer.excess) throw tooMany(limits);
  const { channelData: samples, sampleRate, errors } = answer;
  if (errors.length > 0) throw refused(oneLine(errors[0]));
  if (!(sampleRate > 0) || samples.length === 0 || samples[0].length === 0) throw refused('no samples');
  if (counted !== undefined) checkLength(counted.samples, samples[0].length, name);
  return { samples, sampleRate };
}

/** Reads a sound file from disk; see {@link decodeAudio}. */
export async function readAudio(path: string, options: ReadAudioOptions = {}): Promise<AudioClip> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw fileProblem('a sound file', path, cause);
  });
  return decodeAudio(bytes, { name: path, ...options });
}

/** A FLAC file counts the samples of a channel: 36 bits of its first block; 0 where its writer did not know. */
function countedSamples(data: Uint8Array, { kind }: SniffedFormat): { samples: number; channels: number } | undefined {
  if (kind !== 'flac' || data[0] !== 0x66 || data.length < 26) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, 26);
  const samples = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
  return samples === 0 ? undefined : { samples, channels: 1 + ((view.getUint8(20) >> 1) & 7) };
}

function checkLength(counted: number, found: number, name: string): void {
  if (counted === found) return;
  throw new InputError(
    `Expected ${name} to have the ${plural(counted, 'sample')} that its header counts, got ${found}`,
    { code: 'AUDIO' },
  );
}

function checkMaximum(found: number, limits: Limits): void {
  if (found > limits.maximumSamples) throw tooMany(limits, found);
}

function tooMany({ name, maximumSamples }: Limits, found?: number): InputError {
  return new InputError(
    `Expected ${name} to have at most ${plural(maximumSamples, 'sample')} in all its channels, got ${found ?? 'more'}`,
    { code: 'AUDIO' },
  );
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
