import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { htmlPage, lineChart } from '../../src/html/index.js';

const chart = { title: 'Loss', xLabel: 'step', yLabel: 'nats' };

function specification(source: string): { data: (number | null)[][]; series: { name: string; dots: boolean }[] } {
  return JSON.parse(/<script type="application\/json">(.*?)<\/script>/.exec(source)![1]);
}

test('series of different steps share one axis, with gaps where one has no value', () => {
  const { source } = lineChart({
    ...chart,
    series: [
      {
        name: 'training',
        points: [
          [1, 3],
          [2, 2],
          [3, NaN],
          [4, 1],
        ],
      },
      { name: 'validation', points: [[2, 2.5]] },
    ],
  });
  expect(specification(source).data).toEqual([
    [1, 2, 3, 4],
    [3, 2, null, 1],
    [null, 2.5, null, null],
  ]);
});

test('a chart says in words and in a table what it shows', () => {
  const { source } = lineChart({
    ...chart,
    series: [
      {
        name: 'training',
        points: [
          [1, 3.14159],
          [20, 2],
        ],
      },
    ],
  });
  expect(source).toContain('aria-label="Loss: nats over step. training from 3.142 at 1 to 2 at 20."');
  expect(source).toContain('<th scope="row" class="number">20</th><td class="number">2</td>');
});

test('a chart of nothing says so and draws nothing', () => {
  const { source } = lineChart({ ...chart, series: [{ name: 'a', points: [[1, null]] }] });
  expect(source).toContain('Nothing was measured.');
  expect(source).not.toContain('class="plot"');
});

test('on a logarithmic axis only positive values are drawn', () => {
  const points: [number, number][] = [
    [0, 1],
    [1, 1],
    [2, 0],
    [3, 5],
  ];
  const { source } = lineChart({ ...chart, xLog: true, yLog: true, series: [{ name: 'a', points }] });
  expect(specification(source).data).toEqual([
    [1, 2, 3],
    [1, null, 5],
  ]);
});

test('more points than a screen shows are averaged', () => {
  const points = Array.from({ length: 4000 }, (_, step): [number, number] => [step, step]);
  const [xs, ys] = specification(lineChart({ ...chart, series: [{ name: 'a', points }] }).source).data;
  expect(xs).toHaveLength(1334);
  expect([xs[0], ys[0]]).toEqual([2, 1]);
  expect(xs.at(-1)).toBe(3999);
});

test('the page of two charts holds uPlot once, and scripts that parse', () => {
  const body = lineChart({ ...chart, series: [{ name: '</script>', points: [[1, 1]] }] });
  const page = htmlPage({ title: 'x', sections: [{ body }, { body }] });
  const scripts = [...page.matchAll(/<script>([^]*?)<\/script>/g)].map((match) => match[1]);
  expect(scripts).toHaveLength(1);
  expect(scripts[0].match(/var uPlot=/g)).toHaveLength(1);
  expect(() => new Script(scripts[0])).not.toThrow();
  expect(page.match(/\.uplot,/g)!.length).toBe(1);
});
