import { readFile } from 'node:fs/promises';
import { InputError, plural } from '@cadenza/core';
import { checkReadOptions } from '../checks.js';
import { fileProblem } from '../files/atomicFile.js';
import { type AudioClip, audioClip, chooseChannels } from '../wav/audioClip.js';
import { decodeSphere } from '../sphere/decodeSphere.js';
import { decodeWav, type ReadWavOptions } from '../wav/readWav.js';
import { decodeInThread } from './decoderThread.js';
import { checkFrames } from './mp3Frames.js';
import { readOpusStream } from './oggOpus.js';
import { readOggPages } from './oggPages.js';
import { type SniffedFormat, sniffFormat } from './sniff.js';

const NAMES = { flac: 'FLAC', vorbis: 'Ogg Vorbis', opus: 'Ogg Opus', mp3: 'MP3' };

/**
 * Decodes a sound file of whatever kind: WAV as {@link decodeWav} does, NIST SPHERE as {@link decodeSphere}, FLAC, Ogg Vorbis, Ogg Opus and MP3 in a thread of their own, by
 * libraries that are loaded with the first such file. Its first bytes say what it is. Opus is decoded to the rate of what was encoded.
 *
 * @throws {InputError} one line for another kind of file, for one that a decoder refuses or complains of, and for what is cut off
 */
export async function decodeAudio(bytes: Uint8Array, options: ReadWavOptions = {}): Promise<AudioClip> {
  checkReadOptions(options);
  const { channels = 'all', name = 'the sound file' } = options;
  const format = sniffFormat(bytes, name);
  if (format.kind === 'wav') return decodeWav(bytes.subarray(format.start), { ...options, name });
  if (format.kind === 'sphere') return decodeSphere(bytes.subarray(format.start), { ...options, name });
  const wanted = `sound that can be decoded as ${NAMES[format.kind]}`;
  const refused = (got: string) => new InputError(`Expected ${name} to have ${wanted}, got ${got}`, { code: 'AUDIO' });
  if (format.kind === 'mp3') checkFrames(bytes, format.start, name);
  const data = bytes.subarray(format.start);
  const pages = data[0] === 0x4f ? readOggPages(data, name) : []; // OggS
  const answer = await decodeInThread(
    format.kind === 'opus'
      ? { codec: 'opus', stream: readOpusStream(pages, name) }
      : { codec: format.kind, bytes: data },
  );
  if (answer.failure !== undefined) throw refused(oneLine(answer.failure));
  const { channelData, sampleRate, errors } = answer;
  if (errors.length > 0) throw refused(oneLine(errors[0]));
  const samples = format.mono ? channelData.slice(0, 1) : channelData;
  if (!(sampleRate > 0) || samples.length === 0 || samples[0].length === 0) throw refused('no samples');
  checkLength(bytes, format, samples[0].length, name);
  return audioClip(chooseChannels(samples, channels), sampleRate);
}

/** Reads a sound file from disk; see {@link decodeAudio}. */
export async function readAudio(path: string, options: ReadWavOptions = {}): Promise<AudioClip> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw fileProblem('a sound file', path, cause);
  });
  return decodeAudio(bytes, { name: path, ...options });
}

/** A FLAC file counts its samples: 36 bits of its first block; 0 where its writer did not know. */
function checkLength(bytes: Uint8Array, { kind, start }: SniffedFormat, found: number, name: string): void {
  if (kind !== 'flac' || bytes[start] !== 0x66 || bytes.length < start + 26) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, 26);
  const counted = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
  if (counted === 0 || counted === found) return;
  throw new InputError(
    `Expected ${name} to have the ${plural(counted, 'sample')} that its header counts, got ${found}`,
    {
      code: 'AUDIO',
    },
  );
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
