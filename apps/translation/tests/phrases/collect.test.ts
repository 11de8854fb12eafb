import { InputError } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { collect } from '../../src/phrases/collect.js';

describe('collect', () => {
  const counting = (period: number) => {
    let next = 0;
    return () => {
      const source = String(next++ % period);
      return { source, target: source };
    };
  };

  it('takes each source once, none that is seen, and adds what it took', () => {
    const seen = new Set(['1']);
    expect(collect('some', 3, seen, counting(5)).map(({ source }) => source)).toEqual(['0', '2', '3']);
    expect([...seen].sort()).toEqual(['0', '1', '2', '3']);
  });

  it('says in one line which phrases ran out', () => {
    const tooMany = () => collect('en to pt, train', 6, new Set(), counting(5));
    expect(tooMany).toThrow(InputError);
    expect(tooMany).toThrow('Expected 6 phrases (en to pt, train) to exist, got 5; ask for fewer');
  });
});
