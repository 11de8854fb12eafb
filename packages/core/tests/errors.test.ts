import { describe, expect, it } from 'vitest';
import * as errors from '../src/errors.js';

describe('errors', () => {
  it.each([
    ['InputError', 'INPUT'],
    ['ConfigError', 'CONFIG'],
    ['CheckpointError', 'CHECKPOINT'],
    ['TrainingError', 'TRAINING'],
    ['BackendError', 'BACKEND'],
    ['CadenzaError', 'CADENZA'],
  ] as const)('%s has its name, its code and its cause', (name, code) => {
    const cause = new Error('below');
    const error = new errors[name]('above', { cause });
    expect(error).toBeInstanceOf(errors.CadenzaError);
    expect([error.name, error.code, error.message, error.cause]).toEqual([name, code, 'above', cause]);
    expect(new errors[name]('above', { code: 'SPECIAL' }).code).toBe('SPECIAL');
    expect('cause' in new errors[name]('above')).toBe(false);
  });

  it.each([
    [-3, '-3'],
    ['tanh', '"tanh"'],
    [undefined, 'undefined'],
    [null, 'null'],
    [[1, 'a'], '[1, "a"]'],
    [{ a: 1 }, '{"a":1}'],
    [new Map(), 'a Map'],
    [Math.max, 'function max'],
    [() => 0, 'a function'],
  ])('shows %s in one line', (value, shown) => {
    expect(errors.expected('hiddenSize', 'a positive integer', value)).toBe(
      `Expected hiddenSize to be a positive integer, got ${shown}`,
    );
  });
});
