import { InputError } from '@cadenza/core';
import type { Codec } from './decoderThread.js';
import { readHeader } from './mp3Frames.js';
import { endOfLeadingTag, letters } from './tags.js';

/** What a file is by its first bytes, and where it begins behind a tag. */
export interface SniffedFormat {
  kind: 'wav' | 'sphere' | Codec;
  start: number;
  /** The first header of an MP3's frames says one channel. */
  mono: boolean;
}

/**
 * Tells WAV, NIST SPHERE, FLAC (in a container of its own or in Ogg), Ogg Vorbis, Ogg Opus and MP3 by their first bytes, whatever a file is
 * called. An ID3 tag in front is passed over.
 * @throws {InputError} for anything else, with its first bytes and where they are
 */
export function sniffFormat(bytes: Uint8Array, name: string): SniffedFormat {
  const start = endOfLeadingTag(bytes);
  const found = (kind: SniffedFormat['kind']): SniffedFormat => ({ kind, start, mono: false });
  const id = letters(bytes, start, 4);
  if (['RIFF', 'RIFX', 'RF64', 'BW64'].includes(id)) return found('wav');
  if (letters(bytes, start, 8) === 'NIST_1A\n') return found('sphere');
  if (id === 'fLaC') return found('flac');
  if (id === 'OggS') {
    const packet = start + 27 + (bytes[start + 26] ?? 0);
    if (letters(bytes, packet, 7) === '\x01vorbis') return found('vorbis');
    if (letters(bytes, packet, 5) === '\x7fFLAC') return found('flac');
    if (letters(bytes, packet, 8) === 'OpusHead') return found('opus');
    throw formatError(bytes, packet, name, 'Ogg Vorbis, Ogg Opus or Ogg FLAC');
  }
  const frame = readHeader(bytes, start);
  if (frame !== undefined) return { ...found('mp3'), mono: frame.isMono };
  throw formatError(bytes, start, name, 'WAV, SPHERE, FLAC, Ogg Vorbis, Ogg Opus or MP3');
}

function formatError(bytes: Uint8Array, at: number, name: string, wanted: string): InputError {
  const shown = [...bytes.subarray(at, at + 8)];
  const text = shown.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
  const hex = shown.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const got = shown.length > 0 ? `${hex} ("${text}")` : 'the end of the file';
  return new InputError(`Expected ${name} to have the first bytes of ${wanted} at byte ${at}, got ${got}`, {
    code: 'AUDIO',
  });
}
