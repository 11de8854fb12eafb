import { describe, expect, it } from 'vitest';
import { nearest, suggestion } from '../src/suggest.js';

describe('nearest', () => {
  it('finds a name with a typing error', () => {
    expect(nearest('hiddensize', ['hiddenSize', 'layers'])).toBe('hiddenSize');
    expect(nearest('shakespear', ['tiny', 'default', 'shakespeare'])).toBe('shakespeare');
  });

  it('finds a name by its beginning', () => {
    expect(nearest('val', ['validationFraction', 'seed'])).toBe('validationFraction');
  });

  it('finds nothing where nothing is near', () => {
    expect(nearest('zzzzzz', ['tiny', 'default'])).toBeUndefined();
    expect(nearest('a', [])).toBeUndefined();
  });
});

describe('suggestion', () => {
  it('offers the nearest name, or all of a few', () => {
    expect(suggestion('tniy', ['tiny', 'default'])).toBe('; did you mean tiny?');
    expect(suggestion('zzzzzz', ['tiny', 'default'])).toBe('; known: tiny, default');
  });
});
