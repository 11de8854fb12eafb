import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CheckpointError,
  decodeSafetensors,
  encodeSafetensors,
  InputError,
  readSafetensors,
  readTensors,
  writeSafetensors,
  type StoredTensor,
  type TensorData,
} from '../../src/index.js';

interface Golden {
  theirs: { base64: string; tensors: Record<string, { shape: number[]; isFloat: boolean; values: number[] }> };
  ours: { base64: string; tensors: [string, { dtype: StoredTensor['dtype']; shape: number[]; values: number[] }][] };
}

const golden: Golden = JSON.parse(readFileSync(new URL('../golden/safetensors.json', import.meta.url), 'utf8'));
const arrays = {
  ...{ float32: Float32Array, int32: Int32Array, bool: Uint8Array },
  ...{ bfloat16: Uint16Array, int8: Int8Array },
};
const encode = (tensors: Map<string, StoredTensor>, metadata?: Record<string, string>) =>
  Buffer.concat([...encodeSafetensors(tensors, metadata)]);

/** The bytes of a file with this header, as text or JSON, and so many bytes of data. */
function file(header: string | object, dataBytes = 0): Buffer {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text), Buffer.alloc(dataBytes)]);
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  it("reads every type of PyPI's files", () => {
    const { tensors, metadata } = decodeSafetensors(Buffer.from(golden.theirs.base64, 'base64'), 'theirs');
    expect(metadata).toEqual({ producer: 'pypi', quote: 'a "b" {c}' });
    expect([...tensors.keys()].sort()).toEqual(Object.keys(golden.theirs.tensors).sort());
    for (const [name, { shape, isFloat, values }] of Object.entries(golden.theirs.tensors)) {
      const got = tensors.get(name)!;
      expect(got.shape).toEqual(shape);
      const bits = isFloat ? new Int32Array(got.values.buffer, got.values.byteOffset, got.values.length) : got.values;
      expect(Array.from(bits), name).toEqual(values);
    }
    expect(tensors.get('bool')!.dtype).toBe('bool');
    expect(tensors.get('i64')!.dtype).toBe('int32');
    expect(tensors.get('bf16')!.dtype).toBe('float32');
  });

  it.each<[object, string]>([
    [{ dtype: 'float32', shape: [2, 2], values: new Float32Array(3) }, 'the values of w [2, 2] to be 4 numbers, got 3'],
    [
      { dtype: 'float32', shape: [1], values: new Int32Array(1) },
      'the float32 values of w to be a Float32Array, got "Int32Array"',
    ],
    [{ dtype: 'float32', shape: [1] }, 'the float32 values of w to be a Float32Array, got undefined'],
    [
      { dtype: 'string', shape: [1], values: ['a'] },
      'type of w to be one of float32, int32, bool, bfloat16, int8, got "string"',
    ],
  ])('refuses a tensor that no reader would take: %j', (tensor, message) => {
    expect(() => encode(new Map([['w', tensor as StoredTensor]]))).toThrow(InputError);
    expect(() => encode(new Map([['w', tensor as StoredTensor]]))).toThrow(message);
  });

  it('reads no strings off a backend', async () => {
    const words = new Map([['words', tf.tensor1d(['a'])]]);
    await expect(readTensors(words)).rejects.toThrow(
      'Expected the type of words to be float32, int32 or bool, got "string"',
    );
  });

  it("writes the bytes that PyPI's library has read", () => {
    const tensors = golden.ours.tensors.map(([name, data]) => [
      name,
      { ...data, values: arrays[data.dtype].from(data.values) },
    ]);
    const bytes = encode(new Map(tensors as [string, StoredTensor][]), { producer: 'cadenza', step: '3' });
    expect(bytes.toString('base64')).toBe(golden.ours.base64);
    expect(bytes.readBigUInt64LE(0) % 8n).toBe(0n);
  });

  it('reads back whatever it wrote, bit for bit', () => {
    const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
    const tensor = fc
      .tuple(shape, fc.constantFrom('float32', 'int32', 'bool'), fc.infiniteStream(fc.integer()))
      .map(([dimensions, dtype, stream]): TensorData => {
        const size = dimensions.reduce((product, dimension) => product * dimension, 1);
        const bits = Int32Array.from({ length: size }, () => stream.next().value as number);
        if (dtype === 'bool') return { dtype, shape: dimensions, values: Uint8Array.from(bits, (word) => word & 1) };
        const values = dtype === 'int32' ? bits : new Float32Array(bits.buffer);
        return { dtype: dtype as 'float32' | 'int32', shape: dimensions, values };
      });
    const name = fc.string({ unit: 'binary' }).filter((text) => text !== '__metadata__' && text.isWellFormed());
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 }), (entries) => {
        const { tensors } = decodeSafetensors(encode(new Map(entries)), 'file');
        expect(tensors.size).toBe(entries.length);
        for (const [key, data] of entries) {
          const got = tensors.get(key)!;
          expect({ dtype: got.dtype, shape: got.shape }).toEqual({ dtype: data.dtype, shape: data.shape });
          expect(Buffer.from(got.values.buffer, got.values.byteOffset, got.values.byteLength)).toEqual(
            Buffer.from(data.values.buffer, data.values.byteOffset, data.values.byteLength),
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  it('never takes a damaged header for anything but an error of its kind', () => {
    const bytes = Buffer.from(golden.theirs.base64, 'base64');
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, change, cut) => {
        const damaged = cut ? bytes.subarray(0, at) : Buffer.from(bytes);
        if (!cut) damaged[at] ^= change;
        try {
          decodeSafetensors(damaged, 'file');
          // The header alone cannot tell a changed value; a checkpoint's sums can.
          expect(cut).toBe(false);
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
          expect((error as Error).message).toMatch(/^file, byte \d+: Expected /);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads a header whose strings are long', () => {
    const text = 'a "quoted" \\ part, '.repeat(500_000);
    expect(decodeSafetensors(file({ __metadata__: { text } }), 'w').metadata).toEqual({ text });
  });

  it.each<[string, Buffer, string]>([
    ['an empty file', Buffer.alloc(0), 'w, byte 0: Expected 8 bytes of header length, got a file of 0 bytes'],
    ['a header beyond the file', file('{}').subarray(0, 9), 'Expected a header of 2 bytes, got a file of 9 bytes'],
    ['a header beyond the limit', Buffer.alloc(9, 255), 'Expected a header of at most 100000000 bytes'],
    ['a header that is not JSON', file('{"a":'), 'w, byte 8: Expected a header in JSON'],
    ['a header that is a list', file('[1]'), 'Expected a header that starts with {, got "["'],
    ['a header that is not UTF-8', Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff]), 'Expected a header in UTF-8'],
    [
      'a name twice',
      file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}'),
      'each tensor once, got a twice',
    ],
    ['a hole', file({ a: entry(0, 4), b: entry(8, 12) }, 12), 'tensors without holes or overlaps, got b'],
    ['an overlap', file({ a: entry(0, 8), b: entry(4, 12) }, 12), 'tensors without holes or overlaps, got b'],
    ['data cut off', file({ a: entry(0, 8) }, 7), 'Expected a to end at byte'],
    ['data left over', file({ a: entry(0, 8) }, 9), 'Expected the end of the file, got 1 more bytes'],
    [
      'a size that does not fit',
      file({ a: entry(0, 8, [3]) }, 8),
      'Expected a to take 12 bytes by its shape and type, got 8',
    ],
    ['an unknown type', file({ a: entry(0, 8, [2], 'F4') }, 8), 'Expected a to be of a type among BOOL'],
    ['a prototype for a type', file({ a: entry(0, 8, [2], 'toString') }, 8), 'Expected a to be of a type among BOOL'],
    ['a negative size', file({ a: entry(0, 8, [-2]) }, 8), 'Expected the shape of a to be sizes, got [-2]'],
    [
      'offsets the wrong way',
      file({ a: entry(8, 0, [2]) }, 8),
      'Expected the data_offsets of a to be a start and an end',
    ],
    ['an entry that is null', file({ a: null }), 'Expected a to be of a type among'],
    [
      'metadata that are not text',
      file({ __metadata__: { a: 1 } }),
      'Expected __metadata__ to be an object of strings',
    ],
  ])('refuses %s, saying where', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'w')).toThrow(CheckpointError);
    expect(() => decodeSafetensors(bytes, 'w')).toThrow(message);
  });

  it('refuses values that TensorFlow.js cannot hold', () => {
    const wide = file({ a: entry(0, 16, [2], 'I64') }, 16);
    wide.writeBigInt64LE(2n ** 31n, wide.length - 8);
    expect(() => decodeSafetensors(wide, 'w')).toThrow('Expected a to hold values that fit 32 bits, got 2147483648');
    expect(() => decodeSafetensors(wide, 'w')).toThrow(`w, byte ${wide.length - 8}`);
    const flags = file({ a: entry(0, 2, [2], 'BOOL') }, 2);
    flags[flags.length - 1] = 2;
    expect(() => decodeSafetensors(flags, 'w')).toThrow('bytes of 0 or 1, got 2');
  });

  it('refuses to write a tensor under the reserved name', () => {
    const tensors = new Map<string, TensorData>([
      ['__metadata__', { dtype: 'float32', shape: [], values: new Float32Array(1) }],
    ]);
    expect(() => encode(tensors)).toThrow('reserved __metadata__');
  });

  it('go to a file and back, and a file that is not there is an error of one line', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cadenza-safetensors-'));
    try {
      const path = join(folder, 'weights.safetensors');
      const tensors = new Map<string, TensorData>([
        ['w', { dtype: 'float32', shape: [2], values: Float32Array.of(1, 0.1) }],
      ]);
      writeSafetensors(path, tensors, { metadata: { made: 'here' } });
      expect(readSafetensors(path)).toEqual({ tensors, metadata: { made: 'here' } });
      const absent = join(folder, 'absent');
      expect(() => readSafetensors(absent)).toThrow(`Expected to read ${absent}, got no such file`);
      expect(() => writeSafetensors(join(absent, 'w'), tensors)).toThrow(CheckpointError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
