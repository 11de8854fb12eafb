import { describe, expect, it } from 'vitest';
import { philox4x32, philoxStream } from '../../src/ops/philox.js';

describe('philox4x32', () => {
  // The known-answer vectors of Random123, the authors' own implementation (kat_vectors, philox4x32 10).
  it.each([
    ['zeros', [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [
      'ones',
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      'the digits of pi',
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('gives the published answer for %s', (_name, counter, key, answer) => {
    const out = new Uint32Array(4);
    philox4x32(out, counter, key);
    expect([...out]).toEqual([...answer]);
  });

  it('streams: element e is lane e % 4 of block e / 4', () => {
    const stream = new Uint32Array(11);
    philoxStream(stream, [7, 8]);
    const block = new Uint32Array(4);
    philox4x32(block, [2, 0, 0, 0], [7, 8]);
    expect([...stream.subarray(8)]).toEqual([...block.subarray(0, 3)]);
  });
});
