import { InputError } from '@cadenza/core';
import { describe, expect, test } from 'vitest';
import { decodeWav, encodeWav, parseWav, WavStream } from '../../src/index.js';

const samples = Float32Array.from({ length: 20 }, (_, index) => index / 32);
const file = (): { bytes: Uint8Array; view: DataView } => {
  const bytes = encodeWav(samples, { sampleRate: 8000 });
  return { bytes, view: new DataView(bytes.buffer) };
};

/** A file whose 32-bit or 16-bit field at a byte says something else. */
function changed(at: number, value: number, bits: 16 | 32 = 32): Uint8Array {
  const { bytes, view } = file();
  if (bits === 16) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return bytes;
}

describe('a header that lies', () => {
  test.each([
    ['no RIFF', changed(0, 0x41414141), '"RIFF", "RIFX" or "RF64" at byte 0, got "AAAA"'],
    ['no WAVE', changed(8, 0x20495641), '"WAVE" at byte 8, got "AVI "'],
    [
      'a RIFF size beyond the file',
      changed(4, 1000),
      'a RIFF size within the 84 bytes of the file (truncated?) at byte 4, got 1000',
    ],
    ['a short fmt chunk', changed(16, 14), 'a size of "fmt " of at least 16 at byte 16, got 14'],
    ['a long fmt chunk', changed(16, 2000), 'a size of "fmt " within the 84 bytes of the file at byte 16, got 2000'],
    [
      'an unknown format',
      changed(20, 85, 16),
      'a format of PCM (1), float (3), A-law (6), mu-law (7) or IMA ADPCM (17) at byte 20, got 85',
    ],
    ['no channels', changed(22, 0, 16), '1 to 256 channels at byte 22, got 0'],
    ['too many channels', changed(22, 60000, 16), '1 to 256 channels at byte 22, got 60000'],
    ['a rate of zero', changed(24, 0), 'a sample rate of 1000 to 768000 Hz at byte 24, got 0'],
    ['a wrong block align', changed(32, 3, 16), 'a block align of 2 (1 channel of 16 bits) at byte 32, got 3'],
    ['one bit', changed(34, 1, 16), '8 to 32 bits per integer sample at byte 34, got 1'],
    [
      'a data size beyond the file',
      changed(40, 42),
      'a size of "data" within the 40 bytes left (truncated?) at byte 40, got 42',
    ],
    ['half a frame', changed(40, 39), 'a size of "data" in whole frames of 2 bytes at byte 40, got 39'],
    ['no data chunk', changed(36, 0x21212121), 'a "data" chunk at byte 84, got the end of the file'],
    ['data before fmt', changed(12, 0x61746164), 'a "fmt " chunk before the "data" chunk at byte 12, got "data"'],
    [
      'a RIFF chunk that ends early',
      changed(4, 50),
      'a size of "data" within the 14 bytes of its RIFF chunk at byte 40, got 40',
    ],
  ])('%s is refused in one line', (_, bytes, message) => {
    let error: unknown;
    try {
      decodeWav(bytes, { name: 'x.wav' });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toBe(`Expected x.wav to have ${message}`);
  });

  test('each truncation is refused', () => {
    const { bytes } = file();
    for (let length = 0; length < bytes.length - 1; length++) {
      expect(() => decodeWav(bytes.subarray(0, length)), `${length} bytes`).toThrow(InputError);
    }
  });
});

describe('a file recorded as a stream', () => {
  test.each([0, 0xffffffff, 0x7ffff024, 0x7fffffff, 0x80000000, 0x80000024])(
    'whose sizes were never filled in (%i) is read to the end',
    (unknown) => {
      const { bytes, view } = file();
      view.setUint32(4, unknown, true);
      view.setUint32(40, unknown, true);
      expect(decodeWav(bytes).samples[0]).toEqual(samples);
      expect(decodeWav(bytes.subarray(0, bytes.length - 3)).samples[0]).toEqual(samples.subarray(0, 18));
    },
  );

  test('whose sizes are still those of its beginning is read to the end, also in pieces', () => {
    const { bytes, view } = file();
    view.setUint32(4, 36, true);
    view.setUint32(40, 0, true);
    expect(decodeWav(bytes).samples[0]).toEqual(samples);
    const stream = new WavStream();
    const pieces = [
      stream.push(bytes.subarray(0, 44)),
      stream.push(bytes.subarray(44, 70)),
      stream.push(bytes.subarray(70)),
    ];
    expect(Float32Array.from(pieces.flatMap(([piece]) => [...piece]))).toEqual(samples);
    expect(stream.end()).toEqual([new Float32Array(0)]);
  });

  test('is not meant where the RIFF size is right and the samples are none', () => {
    const bytes = new Uint8Array(44 + 12);
    bytes.set(encodeWav(new Float32Array(0), { sampleRate: 8000 }));
    bytes.set(new TextEncoder().encode('note'), 44);
    new DataView(bytes.buffer).setUint32(48, 4, true);
    new DataView(bytes.buffer).setUint32(4, 48, true);
    expect(decodeWav(bytes).samples[0]).toHaveLength(0);
  });
});

describe('chunks', () => {
  /** The 20 samples with a chunk of so many bytes before `fmt `. */
  function withChunk(size: number, id = 'LIST'): Uint8Array {
    const { bytes } = file();
    const padded = size + (size % 2);
    const longer = new Uint8Array(bytes.length + 8 + padded);
    longer.set(bytes.subarray(0, 12));
    longer.set(new TextEncoder().encode(id), 12);
    longer.set(bytes.subarray(12), 20 + padded);
    const view = new DataView(longer.buffer);
    view.setUint32(16, size, true);
    view.setUint32(4, longer.length - 8, true);
    return longer;
  }

  test.each([0, 1, 2, 7, 300])('of any kind and %i bytes are passed over, with their pad byte', (size) => {
    expect(decodeWav(withChunk(size)).samples[0]).toEqual(samples);
    expect(decodeWav(withChunk(size, 'bext')).samples[0]).toEqual(samples);
  });

  test('twice fmt is refused', () => {
    const bytes = withChunk(16, 'fmt ');
    bytes.set(file().bytes.subarray(20, 36), 20);
    expect(() => decodeWav(bytes)).toThrow('to have one "fmt " chunk at byte 36, got a second one');
  });

  test('say where the samples are', () => {
    expect(parseWav(file().bytes)).toEqual({
      container: 'RIFF',
      encoding: 'integer',
      bigEndian: false,
      channels: 1,
      sampleRate: 8000,
      bits: 16,
      blockAlign: 2,
      framesPerBlock: 1,
      dataStart: 44,
      dataLength: 40,
      factFrames: undefined,
    });
  });
});
