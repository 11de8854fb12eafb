import { InputError, plural } from '@cadenza/core';
import { endBeforeTags } from './tags.js';

/** What the four bytes of a header say of a frame of layer III (ISO 11172-3, section 2.4.2.3; ISO 13818-3). */
interface FrameHeader {
  /** In bytes, of which the header is the first four; 0 where the format is free and does not say. */
  length: number;
  /** Where, within the frame, its main data would begin: what counts the frames stands there in the first. */
  mainData: number;
  isMono: boolean;
}

/** In kbit/s, by the index in the header; of MPEG 1, and of the lower sampling rates (MPEG 2 and 2.5). */
const RATES_OF_FIRST = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const RATES_OF_LOWER = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLING_RATES = [44100, 48000, 32000];

/** The header at a place; undefined where none of layer III is there. */
export function readHeader(bytes: Uint8Array, at: number): FrameHeader | undefined {
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes.subarray(at, at + 4);
  const version = (second >> 3) & 3; // 3 is MPEG 1, 2 MPEG 2, 0 MPEG 2.5
  const isFrame = first === 0xff && (second & 0xe6) === 0xe2 && version !== 1;
  const [rateIndex, samplingIndex, padding] = [third >> 4, (third >> 2) & 3, (third >> 1) & 1];
  if (!isFrame || rateIndex === 15 || samplingIndex === 3) return undefined;
  const isFirst = version === 3;
  const kilobits = (isFirst ? RATES_OF_FIRST : RATES_OF_LOWER)[rateIndex];
  const samplingRate = SAMPLING_RATES[samplingIndex] / [4, 1, 2, 1][version];
  const bits = (isFirst ? 1152 : 576) * 1000 * kilobits;
  const isMono = fourth >> 6 === 3;
  const sideInformation = isFirst ? (isMono ? 17 : 32) : isMono ? 9 : 17;
  const length = kilobits === 0 ? 0 : Math.floor(bits / 8 / samplingRate) + padding;
  return { length, mainData: 4 + sideInformation, isMono };
}

/**
 * Refuses an MP3 that is cut off: one whose last frame has not all its bytes, or that has fewer frames than its first one counts. Tags
 * and whatever else stands behind the last frame are passed over, and so is what stands between frames.
 *
 * @param start where the first frame begins
 * @throws {InputError} one line
 */
export function checkFrames(bytes: Uint8Array, start: number, name: string): void {
  const head = readHeader(bytes, start);
  if (head === undefined || head.length === 0) return; // of free format, whose frames have no length
  const end = endBeforeTags(bytes, start);
  let frames = 0;
  let last = start; // where the last frame ends
  let isDamaged = false;
  for (let at = start; at < end;) {
    const isNext = isLikeFirst(bytes, at, start);
    const length = isNext ? readHeader(bytes, at)?.length : undefined;
    if (!length) {
      const next = nextFrame(bytes, at + 1, start);
      if (isNext && end - at < 4) throw cutOff(name, at, 'an MP3 frame', end - at);
      if (next === undefined) break;
      isDamaged = true;
      at = next;
      continue;
    }
    // What is taken for a tag may be the end of a frame.
    if (at + length > end && at + length !== bytes.length) {
      throw cutOff(name, at, `an MP3 frame of ${plural(length, 'byte')}`, end - at);
    }
    frames++;
    last = at += length;
  }
  if (!isDamaged)
    checkCounts(countsOf(bytes, start, head), { frames, start, end: last, fileLength: bytes.length }, name);
}

function cutOff(name: string, at: number, wanted: string, got: number): InputError {
  return new InputError(`Expected ${name} to have ${wanted} at byte ${at}, got ${plural(got, 'byte')} (truncated?)`, {
    code: 'AUDIO',
  });
}

/** Whether a header, or what there is of one, is of the same version, layer and sampling rate as the first. */
function isLikeFirst(bytes: Uint8Array, at: number, start: number): boolean {
  const masks = [0xff, 0xfe, 0x0c];
  const there = masks.slice(0, bytes.length - at);
  return there.length >= 2 && there.every((mask, n) => (bytes[at + n] & mask) === (bytes[start + n] & mask));
}

/** Where the frames go on behind something else: at a frame that another one follows, or the end. */
function nextFrame(bytes: Uint8Array, from: number, start: number): number | undefined {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const length = isLikeFirst(bytes, at, start) ? readHeader(bytes, at)?.length : undefined;
    if (!length) continue;
    const next = at + length;
    if (next === bytes.length || (isLikeFirst(bytes, next, start) && readHeader(bytes, next) !== undefined)) return at;
  }
  return undefined;
}

/** What the first frame, which has no sound then, says of the others. */
interface Counts {
  frames?: number;
  /** With its own, as a rule. */
  bytes?: number;
}

/**
 * Refuses what has fewer frames or bytes than were counted. Most programs leave the first frame out of the number of frames and some do
 * not: where one may be missing, or the frames are not counted, the bytes tell. They may be those of the whole file with its tags.
 */
function checkCounts(
  counted: Counts,
  found: { frames: number; start: number; end: number; fileLength: number },
  name: string,
): void {
  const refuse = (wanted: string, got: number): never => {
    const message = `Expected ${name} to have the ${wanted} that its first one counts (truncated?), got ${got}`;
    throw new InputError(message, { code: 'AUDIO' });
  };
  const { frames, bytes } = counted;
  if (frames !== undefined && found.frames < frames) refuse(plural(frames, 'MP3 frame'), found.frames);
  if (bytes === undefined || (frames !== undefined && found.frames > frames)) return;
  const { start, end, fileLength } = found;
  const isWhole = bytes <= end - start || bytes === fileLength - start || bytes === fileLength;
  if (!isWhole) refuse(`${plural(bytes, 'byte')} of MP3 frames`, end - start);
}

/** The counts of Xing's and LAME's kind ("Xing", "Info") or of Fraunhofer's ("VBRI"). */
function countsOf(bytes: Uint8Array, start: number, { length, mainData }: FrameHeader): Counts {
  if (start + length > bytes.length) return {};
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, length);
  const idAt = (at: number): string => String.fromCharCode(...bytes.subarray(start + at, start + at + 4));
  // Checksums stand behind the header, and not all programs make room for them here.
  for (const at of [mainData, mainData + 2]) {
    if (!['Xing', 'Info'].includes(idAt(at)) || at + 16 > length) continue;
    const [hasFrames, hasBytes] = [view.getUint32(at + 4) & 1, view.getUint32(at + 4) & 2];
    return {
      frames: hasFrames ? view.getUint32(at + 8) : undefined,
      bytes: hasBytes ? view.getUint32(at + (hasFrames ? 12 : 8)) : undefined,
    };
  }
  if (idAt(36) !== 'VBRI' || length < 54) return {};
  return { bytes: view.getUint32(36 + 10), frames: view.getUint32(36 + 14) };
}
