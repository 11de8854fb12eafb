import { plural } from '@cadenza/core';
import { wavError } from './wavError.js';
import type { WavSampleFormat } from './wavFormat.js';

const INTEGER = 1;
const FLOAT = 3;
const ALAW = 6;
const MULAW = 7;
const IMA_ADPCM = 0x11;
const EXTENSIBLE = 0xfffe;

/** The last fourteen bytes of every GUID that stands for one of the codes above (KSDATAFORMAT_SUBTYPE_*). */
const GUID_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/** What a header may say of channels and rates. */
export const SAMPLE_LIMITS = { channels: 256, lowestRate: 1000, highestRate: 768_000 };

/**
 * Reads and checks a `fmt ` chunk. The byte rate, which many writers get wrong and nothing needs, is not looked at.
 * Integers of 9 to 15 bits and the like stand in containers of whole bytes, in the upper bits as the format's
 * specification says, so a sample of 12 bits is read as the 16 bits that hold it.
 */
export function readFormatChunk(
  view: DataView,
  start: number,
  size: number,
  little: boolean,
  name: string,
): WavSampleFormat {
  const fail = (offset: number, wanted: string, got: string | number): never => {
    throw wavError(name, start + offset, wanted, `${got}`);
  };
  if (size < 16) fail(-4, 'a size of "fmt " of at least 16', size);
  const code = formatCode(view, start, size, little, fail);
  const channels = view.getUint16(start + 2, little);
  const sampleRate = view.getUint32(start + 4, little);
  const blockAlign = view.getUint16(start + 12, little);
  const bitsPerSample = view.getUint16(start + 14, little);
  if (channels < 1 || channels > SAMPLE_LIMITS.channels) fail(2, `1 to ${SAMPLE_LIMITS.channels} channels`, channels);
  if (sampleRate < SAMPLE_LIMITS.lowestRate || sampleRate > SAMPLE_LIMITS.highestRate) {
    fail(4, `a sample rate of ${SAMPLE_LIMITS.lowestRate} to ${SAMPLE_LIMITS.highestRate} Hz`, sampleRate);
  }
  const base = { bigEndian: !little, channels, sampleRate, blockAlign };
  if (code === IMA_ADPCM) {
    if (bitsPerSample !== 4) fail(14, '4 bits per sample of IMA ADPCM', bitsPerSample);
    const framesPerBlock = imaFramesPerBlock(view, start, size, little, channels, blockAlign, fail);
    return { ...base, encoding: 'ima-adpcm', bits: 4, framesPerBlock };
  }
  const bits = containerBits(code, bitsPerSample, fail);
  if (blockAlign !== (channels * bits) / 8) {
    fail(12, `a block align of ${(channels * bits) / 8} (${plural(channels, 'channel')} of ${bits} bits)`, blockAlign);
  }
  const encoding = code === FLOAT ? 'float' : code === ALAW ? 'alaw' : code === MULAW ? 'mulaw' : 'integer';
  return { ...base, encoding, bits, framesPerBlock: 1 };
}

type Fail = (offset: number, wanted: string, got: string | number) => never;

/** The format's code, which an extensible chunk keeps in the first bytes of its GUID. */
function formatCode(view: DataView, start: number, size: number, little: boolean, fail: Fail): number {
  const code = view.getUint16(start, little);
  if (code !== EXTENSIBLE) return code;
  if (size < 40) fail(-4, 'a size of "fmt " of at least 40 for the extensible format', size);
  const inner = little ? view.getUint16(start + 24, true) : view.getUint32(start + 24, false);
  const known = GUID_TAIL.every((byte, index) => view.getUint8(start + 26 + index) === byte);
  if (little && !known) fail(26, 'the GUID of a known sample format', 'another one');
  return inner;
}

function containerBits(code: number, bits: number, fail: Fail): number {
  if (code === ALAW || code === MULAW) return bits === 8 ? 8 : fail(14, '8 bits per A-law or mu-law sample', bits);
  if (code === FLOAT) return bits === 32 || bits === 64 ? bits : fail(14, '32 or 64 bits per float', bits);
  if (code !== INTEGER) {
    fail(0, 'a format of PCM (1), float (3), A-law (6), mu-law (7) or IMA ADPCM (17)', code);
  }
  if (bits < 8 || bits > 32) fail(14, '8 to 32 bits per integer sample', bits);
  return Math.ceil(bits / 8) * 8;
}

/** A block is a header of four bytes a channel, which holds the first frame, then two frames a byte and channel. */
function imaFramesPerBlock(
  view: DataView,
  start: number,
  size: number,
  little: boolean,
  channels: number,
  blockAlign: number,
  fail: Fail,
): number {
  const words = (blockAlign - 4 * channels) / (4 * channels);
  if (words < 1 || !Number.isInteger(words)) {
    fail(12, `a block align that is a multiple of ${4 * channels} and at least ${8 * channels}`, blockAlign);
  }
  const full = 1 + 8 * words;
  const stated = size >= 20 ? view.getUint16(start + 18, little) : full;
  if (stated < 1 || stated > full) fail(18, `1 to ${full} frames in a block of ${blockAlign} bytes`, stated);
  return stated;
}
