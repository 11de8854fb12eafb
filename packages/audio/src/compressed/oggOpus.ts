import { InputError, plural } from '@cadenza/core';
import { packetsOfPages, type OggPage } from './oggPages.js';

/** What decodes the packets of an Ogg Opus stream. */
export interface OpusStream {
  packets: Uint8Array[];
  channels: number;
  /** Streams in a packet, how many of them are of two channels, and which of their channels each channel is. */
  streamCount: number;
  coupledStreamCount: number;
  channelMappingTable: number[];
  /** Of the decoded samples: the rate of what was encoded where Opus decodes to it, else 48,000. */
  sampleRate: number;
  /** Decoded samples to leave out, and how many to take behind them, at most. */
  skip: number;
  length: number;
  /** What to multiply them by. */
  gain: number;
}

/** Granules count samples at this rate. */
const GRANULES = 48000;
const RATES = [8000, 12000, 16000, 24000, 48000];

/**
 * The packets of an Ogg Opus stream and what its header says of them (RFC 7845, sections 4 and 5).
 * @throws {InputError} one line, for several streams at once and for headers that are none
 */
export function readOpusStream(pages: readonly OggPage[], name: string): OpusStream {
  const refuse = (wanted: string, got: unknown): never => {
    throw new InputError(`Expected ${name} to have ${wanted}, got ${got}`, { code: 'AUDIO' });
  };
  const serials = new Set(pages.map(({ serial }) => serial)).size;
  if (serials > 1) refuse('one Ogg stream', serials);
  const byPage = packetsOfPages(pages);
  // The first page has the header alone, and the tags end theirs: sound begins with a page.
  const sound = byPage.findIndex((_, page) => byPage.slice(0, page).flat().length >= 2);
  const head = byPage[0]?.[0] ?? new Uint8Array();
  if (sound < 0 || head.length < 19) refuse('an Opus header, tags and sound', `${byPage.flat().length} packets`);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const [version, channels] = [view.getUint8(8), view.getUint8(9)];
  if (version >> 4 !== 0) refuse('version 0 of Opus in Ogg', version >> 4);
  if (channels === 0) refuse('a channel', 0);
  const encoded = view.getUint32(12, true);
  const sampleRate = RATES.includes(encoded) ? encoded : GRANULES;
  const atRate = (granules: number): number => Math.round((granules * sampleRate) / GRANULES);
  const preSkip = view.getUint16(10, true);
  const ends = pages.map(({ granule }) => granule);
  const end = ends.reduce((most, granule) => Math.max(most, granule), 0); // there may be more pages than a call has room for
  // A stream cut out of a longer one begins later; one of a single page ends before its last packet does.
  const isWhole = pages[sound].last;
  const begin = isWhole ? 0 : Math.max(0, ends[sound] - durationOf(byPage[sound]));
  return {
    packets: byPage.slice(sound).flat(),
    channels,
    ...mappingOf(head, channels, refuse),
    sampleRate,
    skip: atRate(preSkip),
    length: Math.max(0, atRate(end - begin) - atRate(preSkip)),
    gain: 10 ** (view.getInt16(16, true) / (20 * 256)),
  };
}

function mappingOf(head: Uint8Array, channels: number, refuse: (wanted: string, got: unknown) => never) {
  if (head[18] === 0) {
    if (channels > 2) refuse('one or two channels with mapping family 0', channels);
    const coupledStreamCount = channels - 1;
    return { streamCount: 1, coupledStreamCount, channelMappingTable: channels === 1 ? [0] : [0, 1] };
  }
  const channelMappingTable = [...head.subarray(21, 21 + channels)];
  const [streamCount, coupledStreamCount] = [head[19], head[20]];
  const decoded = streamCount + coupledStreamCount;
  const fits = channelMappingTable.every((channel) => channel < decoded || channel === 255);
  if (channelMappingTable.length !== channels || !(streamCount >= 1) || coupledStreamCount > streamCount || !fits) {
    refuse(`a mapping of ${plural(channels, 'channel')}`, `[${head.subarray(19, 21 + channels).join(' ')}]`);
  }
  return { streamCount, coupledStreamCount, channelMappingTable };
}

/** How long packets are, in samples at 48,000 Hz, by their first bytes (RFC 6716, section 3.1). */
function durationOf(packets: readonly Uint8Array[]): number {
  const frames = ([toc = 0, count = 0]: Uint8Array): number => [1, 2, 2, count & 63][toc & 3];
  const size = ([toc = 0]: Uint8Array): number => {
    const [mode, step] = [toc >> 3, (toc >> 3) & 3];
    if (mode < 12) return [480, 960, 1920, 2880][step]; // SILK
    if (mode < 16) return [480, 960][mode & 1]; // both
    return 120 * 2 ** step; // CELT
  };
  return packets.reduce((sum, packet) => sum + frames(packet) * size(packet), 0);
}
