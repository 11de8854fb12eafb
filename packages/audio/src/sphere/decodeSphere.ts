import { InputError, plural } from '@cadenza/core';
import { checkReadOptions } from '../checks.js';
import { type AudioClip, audioClip, chooseChannels } from '../wav/audioClip.js';
import { decodeSamples } from '../wav/decodeSamples.js';
import { SAMPLE_LIMITS } from '../wav/formatChunk.js';
import type { ReadWavOptions } from '../wav/readWav.js';
import type { WavEncoding, WavSampleFormat } from '../wav/wavFormat.js';

/** A header is one or more blocks of this many bytes. */
const HEADER_BLOCK = 1024;

const CODINGS = new Map<string, WavEncoding>([
  ['pcm', 'integer'],
  ['ulaw', 'mulaw'],
  ['mu-law', 'mulaw'],
  ['alaw', 'alaw'],
]);

/**
 * Decodes a NIST SPHERE file (`NIST_1A`, the container of the Linguistic Data Consortium's and CMU's older corpora): integers of 16 to
 * 32 bits in either order of bytes, mu-law and A-law. Its fields are named in NIST's SPHERE documentation, "The SPHERE header structure".
 * Samples behind those that the header counts are ignored.
 *
 * @throws {InputError} one line with the file, the field and what was expected; for samples that are compressed (`shorten`, `wavpack`,
 * `shortpack`), which have to be decoded by another program first; and for a file that ends before its samples do
 */
export function decodeSphere(bytes: Uint8Array, options: ReadWavOptions = {}): AudioClip {
  checkReadOptions(options);
  const { channels = 'all', name = 'the SPHERE file' } = options;
  const fail: Fail = (wanted, got) => {
    throw new InputError(`Expected ${name} to have ${wanted}, got ${got}`, { code: 'AUDIO' });
  };
  const dataStart = headerLength(bytes, fail);
  const fields = readFields(bytes.subarray(0, dataStart), fail);
  const format = sampleFormat(fields, fail);
  const held = Math.floor((bytes.length - dataStart) / format.blockAlign);
  const counted = fields.has('sample_count') ? whole(fields, 'sample_count', 0, Number.MAX_SAFE_INTEGER, fail) : held;
  if (counted > held) fail(`the ${plural(counted, 'sample')} that its sample_count says (truncated?)`, `${held}`);
  if (counted === 0) fail('samples', 'none');
  const data = bytes.subarray(dataStart, dataStart + counted * format.blockAlign);
  return audioClip(chooseChannels(decodeSamples(data, format, name), channels), format.sampleRate);
}

type Fail = (wanted: string, got: string) => never;

/** The second line is the header's length. */
function headerLength(bytes: Uint8Array, fail: Fail): number {
  const [, text = ''] = latin1(bytes.subarray(0, 16)).split('\n');
  const length = Number(text);
  if (text.trim() === '' || !Number.isInteger(length) || length < HEADER_BLOCK || length % HEADER_BLOCK !== 0) {
    fail(`a header length of a multiple of ${HEADER_BLOCK} in its second line`, JSON.stringify(text));
  }
  if (length > bytes.length) fail(`a header of ${length} bytes (truncated?)`, `${bytes.length}`);
  return length;
}

/** `name -type value` a line, to the line `end_head`; what begins with `;` is a comment. */
function readFields(header: Uint8Array, fail: Fail): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of latin1(header).split('\n').slice(2)) {
    const text = line.trim();
    if (text === 'end_head') return fields;
    if (text === '' || text.startsWith(';')) continue;
    const match = /^(\S+)\s+-(?:i|r|s\d+)\s+(.*)$/u.exec(text);
    if (match === null) return fail('lines "name -type value" in its header', JSON.stringify(text.slice(0, 40)));
    fields.set(match[1], match[2]);
  }
  return fail('"end_head" at the end of its header', 'none');
}

function sampleFormat(fields: Map<string, string>, fail: Fail): WavSampleFormat {
  const coding = fields.get('sample_coding') ?? 'pcm';
  const encoding = CODINGS.get(coding);
  if (encoding === undefined)
    return fail('a sample_coding of pcm, ulaw or alaw, not compressed', JSON.stringify(coding));
  if (/^false$/iu.test(fields.get('channels_interleaved') ?? ''))
    fail('interleaved channels', 'channels_interleaved FALSE');
  const { channels: most, lowestRate, highestRate } = SAMPLE_LIMITS;
  const channels = fields.has('channel_count') ? whole(fields, 'channel_count', 1, most, fail) : 1;
  const width = encoding === 'integer' ? whole(fields, 'sample_n_bytes', 2, 4, fail) : 1;
  const order = fields.get('sample_byte_format') ?? '';
  // libsndfile writes 01 and 10 for samples of three and four bytes too.
  const isBig = ['10', '3210'.slice(4 - width)].includes(order);
  if (width > 1 && !isBig && !['01', '0123'.slice(0, width)].includes(order)) {
    fail('a sample_byte_format of 01 (little-endian) or 10 (big-endian)', JSON.stringify(order));
  }
  return {
    ...{ encoding, channels, bits: 8 * width, blockAlign: channels * width, framesPerBlock: 1 },
    bigEndian: isBig,
    sampleRate: whole(fields, 'sample_rate', lowestRate, highestRate, fail),
  };
}

function whole(fields: Map<string, string>, field: string, lowest: number, highest: number, fail: Fail): number {
  const text = fields.get(field);
  const value = Number(text);
  if (text !== undefined && text !== '' && Number.isInteger(value) && value >= lowest && value <= highest) return value;
  const limits = highest === Number.MAX_SAFE_INTEGER ? `of at least ${lowest}` : `of ${lowest} to ${highest}`;
  return fail(`a ${field} ${limits}`, text === undefined ? 'none' : JSON.stringify(text));
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
