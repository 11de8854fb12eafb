import { resolve } from 'node:path';
import { ConfigError } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { dataRequest, embeddedName, requestOf } from '../src/dataRequest.js';

describe('dataRequest', () => {
  const saved = requestOf({ data: { source: '/songs', validationSource: '/held.jsonl' } });

  it('takes what is not named from the run, where there is one', () => {
    expect(dataRequest({}, saved)).toEqual({ source: '/songs', validationSource: '/held.jsonl' });
    expect(dataRequest({ data: 'x' }, saved)).toEqual({ source: resolve('x'), validationSource: '/held.jsonl' });
    expect(dataRequest({ validation: 'y' }, saved)).toEqual({ source: '/songs', validationSource: resolve('y') });
    expect(dataRequest({ data: embeddedName })).toEqual({ source: embeddedName, validationSource: undefined });
    expect(dataRequest({})).toBeUndefined();
  });

  it('refuses recordings to validate on beside none to train on', () => {
    expect(() => dataRequest({ validation: 'y' })).toThrow(
      new ConfigError('Expected --data beside --validation, got none'),
    );
  });
});
