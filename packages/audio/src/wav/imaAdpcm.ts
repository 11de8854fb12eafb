import type { WavSampleFormat } from './wavFormat.js';

/** How far the step's index moves after a code, by the code's three lower bits (IMA recommended practices, 1992). */
const INDEX_MOVES = [-1, -1, -1, -1, 2, 4, 6, 8];

/** The 89 step sizes: each about 1.1 times the one before, from 7 to the largest that 16 bits hold. */
const STEPS = Int32Array.from(
  (
    '7 8 9 10 11 12 13 14 16 17 19 21 23 25 28 31 34 37 41 45 50 55 60 66 73 80 88 97 107 118 130 143 157 173 190 209 ' +
    '230 253 279 307 337 371 408 449 494 544 598 658 724 796 876 963 1060 1166 1282 1411 1552 1707 1878 2066 2272 ' +
    '2499 2749 3024 3327 3660 4026 4428 4871 5358 5894 6484 7132 7845 8630 9493 10442 11487 12635 13899 15289 16818 ' +
    '18500 20350 22385 24623 27086 29794 32767'
  )
    .split(' ')
    .map(Number),
);

/** Frames of so many bytes of IMA ADPCM; the last block may be cut short after any whole group of eight frames. */
export function imaFrameCount(format: WavSampleFormat, byteLength: number): number {
  const { blockAlign, framesPerBlock, channels } = format;
  const whole = Math.floor(byteLength / blockAlign);
  const rest = byteLength - whole * blockAlign;
  if (rest < 4 * channels) return whole * framesPerBlock;
  const groups = Math.floor((rest - 4 * channels) / (4 * channels));
  return whole * framesPerBlock + Math.min(framesPerBlock, 1 + 8 * groups);
}

/**
 * Decodes IMA ADPCM of Microsoft's layout (WAVE_FORMAT_DVI_ADPCM). A block begins, for each channel, with its first
 * sample (int16), the step's index and a zero; then groups of four bytes a channel hold eight codes each, the lower half
 * of a byte first. A code's sign bit and three magnitude bits move the prediction by
 * `(magnitude + 1/2) * step / 4`, computed with shifts.
 *
 * wavefile's own decoder leaves out the last block, repeats a block's first sample and mixes the channels up, so it is not used.
 *
 * @returns one array a channel, in [-1, 1)
 */
export function decodeImaAdpcm(bytes: Uint8Array, format: WavSampleFormat): Float32Array[] {
  const { channels, blockAlign, framesPerBlock } = format;
  const frames = imaFrameCount(format, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let block = 0, frame = 0; frame < frames; block += blockAlign, frame += framesPerBlock) {
      decodeBlock(view, block, channel, format, samples.subarray(frame, Math.min(frame + framesPerBlock, frames)));
    }
    return samples;
  });
}

/** One channel of one block. An index beyond the table, which no encoder writes, is taken for the last. */
function decodeBlock(view: DataView, block: number, channel: number, format: WavSampleFormat, out: Float32Array): void {
  const { channels, bigEndian } = format;
  const header = block + 4 * channel;
  let predicted = view.getInt16(header, !bigEndian);
  let index = Math.min(view.getUint8(header + 2), 88);
  out[0] = predicted / 32768;
  for (let frame = 1; frame < out.length; frame++) {
    const code = frame - 1;
    const group = block + 4 * channels * (1 + (code >> 3)) + 4 * channel;
    const byte = view.getUint8(group + ((code & 7) >> 1));
    const nibble = code & 1 ? byte >> 4 : byte & 15;
    const step = STEPS[index];
    let difference = step >> 3;
    if (nibble & 4) difference += step;
    if (nibble & 2) difference += step >> 1;
    if (nibble & 1) difference += step >> 2;
    predicted += nibble & 8 ? -difference : difference;
    if (predicted > 32767) predicted = 32767;
    else if (predicted < -32768) predicted = -32768;
    index += INDEX_MOVES[nibble & 7];
    if (index < 0) index = 0;
    else if (index > 88) index = 88;
    out[frame] = predicted / 32768;
  }
}
