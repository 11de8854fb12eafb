import { describe, expect, it } from 'vitest';
import { InputError } from '../src/errors.js';
import { assertShape, assertType } from '../src/shapes.js';

describe('assertShape', () => {
  it('learns letters and holds later tensors to them, multiples included', () => {
    const sizes = assertShape({ shape: [2, 3, 4] }, ['B', 'T', 'D'], 'x');
    expect(sizes).toEqual({ B: 2, T: 3, D: 4 });
    assertShape({ shape: [4, 20] }, ['D', '4H'], 'kernel', sizes);
    expect(sizes.H).toBe(5);
    expect(() => assertShape({ shape: [5, 16] }, ['H', '4H'], 'recurrentKernel', sizes)).toThrow(
      'Expected recurrentKernel to have shape [H=5, 4H=20], got [5, 16]',
    );
  });

  it('takes numbers as they are and null as any', () => {
    assertShape({ shape: [2, 9] }, [2, null], 'norm');
    expect(() => assertShape({ shape: [3, 9] }, [2, null], 'norm')).toThrow(
      'Expected norm to have shape [2, any], got [3, 9]',
    );
    expect(() => assertShape({ shape: [2] }, [2, null], 'norm')).toThrow(InputError);
  });

  it('says that a size is no multiple without claiming to know the letter', () => {
    expect(() => assertShape({ shape: [21] }, ['4H'], 'bias')).toThrow('Expected bias to have shape [4H], got [21]');
  });

  it('refuses a dimension that is none', () => {
    expect(() => assertShape({ shape: [1] }, ['4-H'], 'bias')).toThrow(/dimension such as H or 4H/);
  });
});

describe('assertType', () => {
  it('names the tensor and both types', () => {
    assertType({ shape: [], dtype: 'int32' }, 'int32', 'ids');
    expect(() => assertType({ shape: [], dtype: 'bool' }, 'int32', 'ids')).toThrow(
      'Expected ids to be of type int32, got bool',
    );
  });
});
