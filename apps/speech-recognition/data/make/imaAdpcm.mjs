/**
 * The encoder of IMA ADPCM in Microsoft's WAV layout, one channel; `@cadenza/audio` decodes it. Four bits a sample are
 * half of what mu-law takes.
 */

/** Bytes of a block: a header of four, then two samples a byte. The header holds the block's first sample. */
const BLOCK_BYTES = 256;
const BLOCK_FRAMES = 1 + 2 * (BLOCK_BYTES - 4);
const HEADER_BYTES = 60;

/** How far the step's index moves after a code, by the code's three lower bits (IMA recommended practices, 1992). */
const INDEX_MOVES = [-1, -1, -1, -1, 2, 4, 6, 8];
const LAST_INDEX = 88;

/** The 89 step sizes, as the recommendation lists them. */
const STEPS = [
  7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118,
  130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060,
  1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484,
  7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
];

/** By step and code, what the code adds to the prediction. */
const DIFFERENCES = STEPS.map((step) =>
  Array.from({ length: 16 }, (_, code) => {
    let difference = step >> 3;
    if (code & 4) difference += step;
    if (code & 2) difference += step >> 1;
    if (code & 1) difference += step >> 2;
    return code & 8 ? -difference : difference;
  }),
);

/**
 * Decoders that the search keeps after every sample: the M-algorithm (Anderson and Mohan 1984). One would be the
 * usual encoder, which takes the nearest code; sixteen find sequences of codes with a quarter less noise.
 */
const KEPT = 16;

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** The code whose difference is nearest to the one wanted. */
function nearestCode(index, wanted) {
  const magnitude = clamp(Math.floor((4 * Math.abs(wanted)) / STEPS[index]), 0, 7);
  return wanted < 0 ? magnitude | 8 : magnitude;
}

/** Codes worth trying: the nearest and its neighbours by size. */
function candidateCodes(index, wanted) {
  const code = nearestCode(index, wanted);
  const magnitude = code & 7;
  const codes = [code];
  if (magnitude > 0) codes.push(code - 1);
  if (magnitude < 7) codes.push(code + 1);
  return codes;
}

/** A decoder's state once `code` has followed that of `parent`. */
function follow(parent, code, target) {
  const predicted = clamp(parent.predicted + DIFFERENCES[parent.index][code], -32768, 32767);
  const index = clamp(parent.index + INDEX_MOVES[code & 7], 0, LAST_INDEX);
  return { predicted, index, error: parent.error + (target - predicted) ** 2, code, parent };
}

/** The states with least error, of equal ones (which have the same future) the best only. */
function keepBest(states) {
  states.sort((a, b) => a.error - b.error);
  const kept = [];
  for (const state of states) {
    if (kept.length === KEPT) break;
    if (!kept.some(({ predicted, index }) => predicted === state.predicted && index === state.index)) kept.push(state);
  }
  return kept;
}

/** Writes one block of samples (int16), and hands back the step's index for the next. */
function encodeBlock(samples, index, view, at) {
  view.setInt16(at, samples[0], true);
  view.setUint8(at + 2, index);
  let states = [{ predicted: samples[0], index, error: 0, code: 0, parent: undefined }];
  for (let n = 1; n < samples.length; n++) {
    const next = states.flatMap((state) =>
      candidateCodes(state.index, samples[n] - state.predicted).map((code) => follow(state, code, samples[n])),
    );
    states = keepBest(next);
  }
  let state = states[0];
  for (let n = samples.length - 1; n > 0; n--, state = state.parent) {
    const byte = at + 4 + ((n - 1) >> 1);
    view.setUint8(byte, view.getUint8(byte) | (n % 2 === 1 ? state.code : state.code << 4));
  }
  return states[0].index;
}

/** The bytes of a WAV file of samples in [-1, 1]. The last block is filled up; the `fact` chunk counts the samples. */
export function encodeImaAdpcm(samples, sampleRate) {
  const blocks = Math.ceil(samples.length / BLOCK_FRAMES);
  const bytes = new Uint8Array(HEADER_BYTES + blocks * BLOCK_BYTES);
  const view = new DataView(bytes.buffer);
  writeHeader(view, samples.length, sampleRate, blocks * BLOCK_BYTES);
  const padded = new Int16Array(blocks * BLOCK_FRAMES);
  samples.forEach((value, n) => (padded[n] = clamp(Math.round(value * 32768), -32768, 32767)));
  for (let block = 0, index = 0; block < blocks; block++) {
    const part = padded.subarray(block * BLOCK_FRAMES, (block + 1) * BLOCK_FRAMES);
    index = encodeBlock(part, index, view, HEADER_BYTES + block * BLOCK_BYTES);
  }
  return bytes;
}

function writeHeader(view, frames, sampleRate, dataBytes) {
  let at = 0;
  const tag = (text) => [...text].forEach((letter) => view.setUint8(at++, letter.charCodeAt(0)));
  const uint16 = (value) => (view.setUint16(at, value, true), (at += 2));
  const uint32 = (value) => (view.setUint32(at, value, true), (at += 4));
  tag('RIFF');
  uint32(view.byteLength - 8);
  tag('WAVEfmt ');
  uint32(20);
  uint16(0x11); // IMA ADPCM
  uint16(1); // channel
  uint32(sampleRate);
  uint32(Math.round((sampleRate * BLOCK_BYTES) / BLOCK_FRAMES));
  uint16(BLOCK_BYTES);
  uint16(4); // bits a sample
  uint16(2); // bytes that follow
  uint16(BLOCK_FRAMES);
  tag('fact');
  uint32(4);
  uint32(frames);
  tag('data');
  uint32(dataBytes);
}
