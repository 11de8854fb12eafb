/** Charts in the look of the page. */
export const CHART_CSS = `
figure.chart { margin: 0; min-width: 0; }
figure.chart + figure.chart { margin-top: 1.5rem; }
figure.chart .plot { min-height: 8rem; }
figure.chart details { font-size: .88rem; margin-top: .15rem; }
.uplot { font-family: inherit; width: 100%; }
.uplot .u-legend { display: flex; flex-wrap: wrap; margin: 0 0 .35rem; text-align: left; font-size: .86rem; color: var(--ink-2); }
.uplot .u-legend tr { margin-right: 1.1rem; }
.uplot .u-legend tbody { display: contents; }
.uplot .u-legend th { font-weight: 500; padding: 0; border: 0; color: var(--ink-2); }
.uplot .u-legend td { padding: 0 0 0 .35rem; border: 0; color: var(--ink); min-width: 3.6em; font-variant-numeric: tabular-nums; }
.uplot .u-legend .u-marker { width: .85em; height: .85em; border-radius: 3px; margin-right: .4em; }
.uplot .u-inline.u-live th::after { content: ''; }
.uplot .u-legend tr:first-child .u-marker { display: none; }
.uplot .u-cursor-x, .uplot .u-cursor-y { border-color: var(--ink-3); }
.uplot .u-select { background: rgb(var(--cool) / .15); }
`;

/**
 * Runs in the page: draws each figure's chart from the data beside it, in the page's present colours, as wide as there is
 * room. Written for every browser of these years; nothing of it runs in Node.
 */
export const CHART_SCRIPT = String.raw`
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const format = (value) => {
    if (value === null || value === undefined) return '';
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential().replace(/(\.\d{2})\d+/, '$1').replace('e+', 'e');
    return value.toLocaleString('en', { maximumSignificantDigits: size >= 1000 ? 7 : 4 });
  };
  const axis = (label, more) => ({
    label, labelSize: 22, labelFont: '12px system-ui, sans-serif', font: '12px system-ui, sans-serif',
    stroke: () => colour('--ink-3'), labelGap: 0,
    grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false },
    values: (chart, splits) => splits.map(format), ...more,
  });
  // Lines at powers of ten, of which many are thinned out, and where there are few at twice and five times them too.
  const logSplits = (chart, index, low, high) => {
    const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    const stride = Math.ceil((last - first) / 6);
    const factors = last - first <= 3 ? [1, 2, 5] : [1];
    const splits = [];
    for (let power = first; power <= last; power += stride) {
      for (const factor of factors) splits.push(factor * 10 ** power);
    }
    return splits.filter((split) => split >= low * 0.999 && split <= high * 1.001);
  };
  const logAxis = { splits: logSplits, filter: (chart, splits) => splits };
  const charts = [];
  for (const figure of document.querySelectorAll('figure.chart')) {
    const holder = figure.querySelector('.plot');
    if (!holder) continue;
    const { x, y, height, group, series, data } = JSON.parse(figure.querySelector('script').textContent);
    const options = {
      width: holder.clientWidth, height,
      scales: { x: { time: false, distr: x.log ? 3 : 1, range: (chart, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) }, y: { distr: y.log ? 3 : 1, ...(y.fromZero && !y.log ? { range: (chart, low, high) => [Math.min(0, low), high > 0 ? high * 1.06 : 1] } : {}) } },
      axes: [axis(x.label, { size: 34, ...(x.log ? logAxis : {}) }), axis(y.label, { size: 52, ...(y.log ? logAxis : {}) })],
      series: [
        { label: x.label, value: (chart, value) => format(value) },
        ...series.map((one) => ({
          label: one.name, stroke: () => colour(one.colour), width: one.width, spanGaps: true,
          points: { show: one.dots, size: 6, fill: () => colour(one.colour) },
          value: (chart, value) => format(value),
        })),
      ],
      cursor: { points: { size: 7 }, drag: { x: true, y: false }, ...(group ? { sync: { key: group } } : {}) },
      legend: { markers: { width: 0, fill: (chart, index) => colour(series[index - 1].colour) } },
      hooks: { ready: [(chart) => chart.root.prepend(chart.root.querySelector('.u-legend'))] },
    };
    const chart = new uPlot(options, data, holder);
    charts.push({ chart, series });
    new ResizeObserver(() => {
      if (holder.clientWidth > 0 && holder.clientWidth !== chart.width) chart.setSize({ width: holder.clientWidth, height });
    }).observe(holder);
  }
  const redraw = () => charts.forEach(({ chart, series }) => {
    const markers = chart.root.querySelectorAll('.u-marker'); // the first is that of x
    series.forEach((one, index) => (markers[index + 1].style.background = colour(one.colour)));
    chart.redraw(false, true);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
})();
`;
