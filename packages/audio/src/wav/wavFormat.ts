import { plural } from '@cadenza/core';
import { readFormatChunk } from './formatChunk.js';
import { wavError } from './wavError.js';

/** How a sample is stored: an integer, a float, a logarithmic byte (ITU-T G.711), or four bits of a difference (IMA). */
export type WavEncoding = 'integer' | 'float' | 'alaw' | 'mulaw' | 'ima-adpcm';

/** What the `fmt ` chunk says of the samples. */
export interface WavSampleFormat {
  encoding: WavEncoding;
  /** Bytes are in big-endian order: a RIFX file. */
  bigEndian: boolean;
  channels: number;
  /** In hertz. */
  sampleRate: number;
  /** Bits of the container of one sample: 8, 16, 24, 32 or 64, and 4 for IMA ADPCM. */
  bits: number;
  /** Bytes of a frame, one sample of every channel; of a block for IMA ADPCM. */
  blockAlign: number;
  /** Frames of a whole block: 1, or more for IMA ADPCM. */
  framesPerBlock: number;
}

/** Where the samples of a WAV file are, and how they are stored. */
export interface WavFormat extends WavSampleFormat {
  container: 'RIFF' | 'RIFX' | 'RF64' | 'BW64';
  /** The first byte of the samples. */
  dataStart: number;
  /** Bytes of samples; `undefined` where the file was recorded as a stream and its end is the end of the input. */
  dataLength: number | undefined;
  /** Frames that the `fact` chunk counts, where there is one; only for IMA ADPCM does it matter. */
  factFrames: number | undefined;
}

/** What a stream that has no end yet gives as a 32-bit size. */
const UNKNOWN_SIZE = 0xffffffff;

/**
 * Whether a size means that nobody knew it; besides that one also what is within 4 KiB of 2 GiB, as espeak-ng and sox (below) and arecord
 * (from there on, and its header more) write it into a pipe.
 */
function isUnknown(size: number): boolean {
  return size === UNKNOWN_SIZE || size >= 2 ** 63 || (size >= 0x7ffff000 && size <= 0x80001000);
}

/** Four bytes as text, with what is not printable as `?`. */
function tag(view: DataView, at: number): string {
  let text = '';
  for (let index = at; index < at + 4; index++) {
    const byte = view.getUint8(index);
    text += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '?';
  }
  return text;
}

interface Walk {
  view: DataView;
  name: string;
  little: boolean;
  /** All of the file is in `view`; otherwise `view` is its beginning. */
  complete: boolean;
}

interface Container {
  id: WavFormat['container'];
  riffSize: number;
  /** A size of the header that a recording stream never came back to correct. */
  unknown: boolean;
  dataSize: number | undefined;
  next: number;
}

/**
 * Reads the structure of a WAV file and checks it strictly, before any decoder sees it: a RIFF, RIFX, RF64 or BW64
 * container, chunks that stay inside the file, a `fmt ` chunk that makes sense, then a `data` chunk of whole blocks.
 * Nothing is allocated by what the header claims.
 *
 * Sizes of 0xFFFFFFFF, of about 2 GiB, and of 0 where the RIFF size too is unset or ends where the samples begin, are those of a recording
 * whose length was not known: its samples reach to the end of the file. Bytes after the RIFF chunk are ignored, and the last chunk may lack its pad.
 *
 * @param bytes of the whole file
 * @param name what errors call them
 * @throws {InputError} naming the file, the byte and what was expected there
 */
export function parseWav(bytes: Uint8Array, name?: string, complete?: true): WavFormat;
/** The same of the beginning of a stream; `undefined` while its `data` chunk has not begun. */
export function parseWav(bytes: Uint8Array, name: string, complete: false): WavFormat | undefined;
export function parseWav(bytes: Uint8Array, name = 'the WAV file', complete = true): WavFormat | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const walk: Walk = { view, name, little: true, complete };
  const container = readContainer(walk);
  if (!container) return undefined;
  let format: WavSampleFormat | undefined;
  let factFrames: number | undefined;
  let at = container.next;
  for (;;) {
    if (at + 8 > view.byteLength) {
      if (!complete) return undefined;
      throw wavError(name, at, format ? 'a "data" chunk' : 'a "fmt " chunk', 'the end of the file');
    }
    const id = tag(view, at);
    const size = view.getUint32(at + 4, walk.little);
    const start = at + 8;
    if (id === 'data') {
      if (!format) throw wavError(name, at, 'a "fmt " chunk before the "data" chunk', '"data"');
      const dataLength = dataSize(walk, container, format, start, size);
      return { ...format, container: container.id, dataStart: start, dataLength, factFrames };
    }
    if (start + size > view.byteLength) {
      if (!complete) return undefined;
      throw wavError(name, at + 4, `a size of "${id}" within the ${view.byteLength} bytes of the file`, `${size}`);
    }
    if (id === 'fmt ') {
      if (format) throw wavError(name, at, 'one "fmt " chunk', 'a second one');
      format = readFormatChunk(view, start, size, walk.little, name);
    } else if (id === 'fact' && size >= 4) {
      factFrames = view.getUint32(start, walk.little);
    }
    at = start + size + (size % 2);
  }
}

/** The first twelve bytes, and RF64's 64-bit sizes behind them. */
function readContainer(walk: Walk): Container | undefined {
  const { view, name, complete } = walk;
  if (view.byteLength < 12) {
    if (!complete) return undefined;
    throw wavError(name, 0, 'the 12 bytes of a RIFF header', `a file of ${plural(view.byteLength, 'byte')}`);
  }
  const id = tag(view, 0);
  if (id !== 'RIFF' && id !== 'RIFX' && id !== 'RF64' && id !== 'BW64') {
    throw wavError(name, 0, '"RIFF", "RIFX" or "RF64"', `"${id}"`);
  }
  walk.little = id !== 'RIFX';
  if (tag(view, 8) !== 'WAVE') throw wavError(name, 8, '"WAVE"', `"${tag(view, 8)}"`);
  const size = view.getUint32(4, walk.little);
  if (id === 'RIFF' || id === 'RIFX') {
    const container: Container = { id, riffSize: size, unknown: false, dataSize: undefined, next: 12 };
    return checkedRiffSize(walk, container, 4);
  }
  if (view.byteLength < 48) {
    if (!complete) return undefined;
    throw wavError(name, 12, 'a "ds64" chunk of 28 bytes', 'the end of the file');
  }
  const chunkSize = view.getUint32(16, true);
  if (tag(view, 12) !== 'ds64') throw wavError(name, 12, 'a "ds64" chunk', `"${tag(view, 12)}"`);
  if (chunkSize < 28) throw wavError(name, 16, 'a size of "ds64" of at least 28', `${chunkSize}`);
  const wide = (at: number): number => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  const next = 20 + chunkSize + (chunkSize % 2);
  return checkedRiffSize(walk, { id, riffSize: wide(20), unknown: false, dataSize: wide(28), next }, 20);
}

function checkedRiffSize(walk: Walk, container: Container, at: number): Container {
  const { riffSize } = container;
  container.unknown = riffSize === 0 || isUnknown(riffSize);
  if (!walk.complete || container.unknown) return container;
  const length = walk.view.byteLength;
  // Some writers count the last chunk's pad byte and leave it out.
  if (riffSize + 8 > length + 1) {
    throw wavError(walk.name, at, `a RIFF size within the ${length} bytes of the file (truncated?)`, `${riffSize}`);
  }
  return container;
}

/** How many bytes the `data` chunk has, checked against the file and the container; `undefined`: to the end. */
function dataSize(walk: Walk, container: Container, format: WavSampleFormat, start: number, size: number) {
  const { view, name, complete } = walk;
  let length = size;
  if (container.dataSize !== undefined && size === UNKNOWN_SIZE) length = container.dataSize;
  if (isUnknown(length)) return undefined;
  if (length === 0 && (container.unknown || container.riffSize + 8 <= start)) return undefined;
  if (complete && start + length > view.byteLength) {
    const held = view.byteLength - start;
    throw wavError(
      name,
      start - 4,
      `a size of "data" within the ${plural(held, 'byte')} left (truncated?)`,
      `${length}`,
    );
  }
  if (!container.unknown && start + length > container.riffSize + 8 + 1) {
    const limit = container.riffSize + 8 - start;
    throw wavError(
      name,
      start - 4,
      `a size of "data" within the ${plural(limit, 'byte')} of its RIFF chunk`,
      `${length}`,
    );
  }
  if (format.encoding !== 'ima-adpcm' && length % format.blockAlign !== 0) {
    throw wavError(
      name,
      start - 4,
      `a size of "data" in whole frames of ${plural(format.blockAlign, 'byte')}`,
      `${length}`,
    );
  }
  return length;
}
