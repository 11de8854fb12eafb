import { expect, test } from 'vitest';
import { renderTrainingReport, type ReportMetrics } from '../../src/html/index.js';

const metrics: ReportMetrics[] = [
  { step: 10, epoch: 0.1, loss: 3, learningRate: 0.001, gradientNorm: 2, time: { seconds: 5, tokensPerSecond: 1000 } },
  {
    step: 20,
    epoch: 0.2,
    loss: 2,
    validation: { loss: 2.25, bits: 3.2, accuracy: 0.4 },
    best: true,
    sample: 'ab <i>',
    time: { seconds: 9 },
  },
  {
    step: 30,
    epoch: 0.3,
    loss: null,
    validation: { loss: 2.5, accuracy: 0.3 },
    sample: 'newest',
    time: { seconds: 75 },
  },
];

const charts = (page: string): string[] => [...page.matchAll(/<figcaption><h3>(.*?)<\/h3>/g)].map((match) => match[1]);

test('a report has the curves of what was measured, and of nothing else', () => {
  const page = renderTrainingReport({ title: 'run', metrics });
  expect(charts(page)).toEqual([
    'Loss',
    'Validation accuracy',
    'Learning rate',
    'Gradient norm before clipping',
    'Speed',
  ]);
  expect(charts(renderTrainingReport({ title: 'run', metrics: [{ step: 1, loss: 3 }] }))).toEqual(['Loss']);
});

test('the figures on top are the best validation, the steps, the time and the speed', () => {
  const page = renderTrainingReport({ title: 'run', metrics, lossUnit: 'nats per character', tokenName: 'characters' });
  expect(page).toContain('2.2500');
  expect(page).toContain('nats per character, at step 20');
  expect(page).toContain('0.30 epochs');
  expect(page).toContain('1 min 15 s');
  expect(page).toContain('1,000');
});

test('samples stand newest first, escaped, and at most twelve', () => {
  const page = renderTrainingReport({ title: 'run', metrics });
  expect(page.indexOf('newest</pre>')).toBeLessThan(page.indexOf('ab &lt;i&gt;</pre>'));
  const many = Array.from({ length: 50 }, (_, step) => ({ step, text: `sample ${step}.` }));
  const long = renderTrainingReport({ title: 'run', metrics, samples: many });
  const shown = [...long.matchAll(/sample (\d+)\./g)].map((match) => Number(match[1]));
  expect(shown).toHaveLength(12);
  expect([shown[0], shown.at(-1)]).toEqual([49, 0]);
});

test('evaluation and configuration have their tables', () => {
  const page = renderTrainingReport({
    title: 'run',
    metrics,
    evaluation: { columns: [{ title: 'protocol' }, { title: 'nats' }], rows: [['stream', '1.4']] },
    configuration: { seed: 1, model: { cell: 'lstm', sizes: [1, 2] } },
  });
  expect(page).toContain('<th scope="row">stream</th><td>1.4</td>');
  expect(page).toContain('3 settings');
  expect(page).toContain('<th scope="row">model.cell</th><td><code>lstm</code></td>');
  expect(page).toContain('<code>[1,2]</code>');
});

test('noisy losses are drawn pale behind their means, which do not lean', () => {
  const noisy = Array.from({ length: 200 }, (_, step) => ({ step, loss: 100 - step / 2 }));
  const page = renderTrainingReport({ title: 'run', metrics: noisy });
  const { data, series } = JSON.parse(/<script type="application\/json">(.*?)<\/script>/.exec(page)![1]);
  expect(series.map((one: { name: string }) => one.name)).toEqual(['training, each log', 'training, smoothed']);
  data[2].forEach((mean: number, index: number) => expect(mean).toBeCloseTo(data[1][index], 10));
});

test('a run that has only begun has a report too', () => {
  expect(renderTrainingReport({ title: 'run', metrics: [] })).toContain('Nothing was measured.');
});
