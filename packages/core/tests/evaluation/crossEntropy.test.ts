import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bitsPerCharacter, CrossEntropy, perplexity, toBits } from '../../src/evaluation/index.js';

test('a model that guesses among four equally likely tokens has a perplexity of 4 and costs 2 bits', () => {
  const metric = new CrossEntropy();
  metric.update({ losses: new Float64Array(10).fill(Math.log(4)) });
  const value = metric.value();
  expect(value.perplexity).toBeCloseTo(4, 12);
  expect(value.bitsPerToken).toBeCloseTo(2, 12);
  expect(value.tokens).toBe(10);
  expect(bitsPerCharacter(value.nats, 5)).toBeCloseTo(4, 12);
  expect(perplexity(value.natsPerToken)).toBe(value.perplexity);
  expect(toBits(Math.LN2)).toBe(1);
});

test('batches in any cut give the measure of the whole', () => {
  const losses = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(losses, fc.nat({ max: 50 }), (all, cut) => {
      const metric = new CrossEntropy();
      metric.update({ losses: all.slice(0, cut) });
      metric.update({ losses: all.slice(cut) });
      const mean = all.reduce((sum, loss) => sum + loss, 0) / all.length;
      expect(metric.value().natsPerToken).toBeCloseTo(mean, 10);
    }),
  );
});

test('ignored places neither cost nor count', () => {
  const metric = new CrossEntropy();
  metric.update({ losses: [1, 99, 3], labels: [5, -1, 0] });
  expect(metric.value()).toMatchObject({ natsPerToken: 2, tokens: 2 });
  metric.reset();
  metric.update({ losses: [7] });
  expect(metric.value().natsPerToken).toBe(7);
});

test('small losses are not lost beside a large sum', () => {
  const metric = new CrossEntropy();
  metric.update({ losses: [1e16, 1, 1, 1, 1, -1e16] });
  expect(metric.value().nats).toBe(4);
});

test('an impossible token costs infinitely much', () => {
  const metric = new CrossEntropy();
  metric.update({ losses: [1, Infinity, 2] });
  expect(metric.value()).toMatchObject({ natsPerToken: Infinity, perplexity: Infinity });
});

test('nothing has no measure', () => {
  expect(() => new CrossEntropy().value()).toThrow('Expected at least one token to measure, got none');
  expect(() => new CrossEntropy().update({ losses: [1], labels: [] })).toThrow(/as many as the losses, 1, got 0/);
  expect(() => bitsPerCharacter(1, 0)).toThrow('Expected characters to be a positive number, got 0');
});
