import { expect, test } from 'vitest';
import { Accuracy, type AccuracyInput, type Metric } from '../../src/evaluation/index.js';

test('accuracy is the fraction of rows whose largest score is the right one', () => {
  const metric = new Accuracy();
  metric.update({ logits: [0, 1, 0, 3, 2, 1], labels: [1, 2] });
  metric.update({ logits: [0, 0, 9], labels: [2] });
  expect(metric.value()).toEqual({ accuracy: 2 / 3, correct: 2, total: 3 });
});

test('top-2 accuracy also counts the second', () => {
  const metric = new Accuracy(2);
  metric.update({ logits: [3, 2, 1, 3, 2, 1], labels: [1, 2] });
  expect(metric.value().accuracy).toBe(0.5);
});

test('of equal scores only the lowest id is the answer', () => {
  const metric = new Accuracy();
  metric.update({ logits: [5, 5, 5, 5], labels: [0, 1] });
  expect(metric.value().accuracy).toBe(0.5);
});

test('a score that is not a number is never right', () => {
  const metric = new Accuracy();
  metric.update({ logits: [NaN, 0, 0, NaN], labels: [0, 0] });
  expect(metric.value().accuracy).toBe(0);
});

test('ignored labels do not count, and a reset forgets', () => {
  const metric: Metric<AccuracyInput, { total: number }> = new Accuracy();
  metric.update({ logits: [1, 0, 1, 0], labels: [-1, 0] });
  expect(metric.value().total).toBe(1);
  metric.reset();
  expect(() => metric.value()).toThrow('Expected at least one label to measure, got none');
  metric.update({ logits: [], labels: [] });
  expect(() => metric.value()).toThrow(/got none/);
});

test('sizes that do not go together are refused', () => {
  const metric = new Accuracy();
  expect(() => metric.update({ logits: [1, 2, 3], labels: [0, 1] })).toThrow(
    /a whole number of rows for 2 labels, got 3/,
  );
  expect(() => metric.update({ logits: [1, 2], labels: [2] })).toThrow('Expected label to be below 2, got 2');
  expect(() => new Accuracy(0)).toThrow('Expected k to be a positive integer, got 0');
});
