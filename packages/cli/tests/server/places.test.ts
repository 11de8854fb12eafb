import { describe, expect, it } from 'vitest';
import { BusyError, Places } from '../../src/server/index.js';

describe('Places', () => {
  it('gives as many as there are, and one again where one has been given back', () => {
    const places = new Places(2, 'to write');
    const giveBack = places.take();
    places.take();
    expect(() => places.take()).toThrow(BusyError);
    expect(() => places.take()).toThrow('Expected at most 2 to write, got one more; try again later');
    giveBack();
    places.take();
    expect(() => places.take()).toThrow(BusyError);
  });
});
