import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** One curve; a null leaves a gap. */
export interface Curve {
  label: string;
  values: (number | null)[];
}

export interface Chart {
  title: string;
  xLabel: string;
  yLabel: string;
  x: number[];
  curves: Curve[];
  /** A logarithmic vertical axis. */
  logarithmic?: boolean;
}

export interface Page {
  title: string;
  /** What was done and what is to be seen. */
  text: string[];
  charts: Chart[];
  /** Numbers under the charts: a row of headings, then the rows. */
  table: string[][];
}

const colours = ['#0b5fa5', '#c2410c', '#15803d', '#7e22ce', '#a16207', '#0f766e'];

/** Text for HTML, and JSON for a script element. */
const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const embed = (value: unknown): string => JSON.stringify(value).replace(/</g, '\\u003c');

/** The files of uPlot, to be put into the page itself so that it opens from disk without network. */
function plotter(): { script: string; style: string } {
  const folder = dirname(createRequire(import.meta.url).resolve('uplot'));
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { script: read('uPlot.iife.min.js').replace(/<\/script/gi, '<\\/script'), style: read('uPlot.min.css') };
}

const drawing = `
for (const chart of charts) {
  const section = document.body.appendChild(document.createElement('section'));
  section.appendChild(document.createElement('h2')).textContent = chart.title;
  new uPlot({
    width: Math.min(1000, document.body.clientWidth - 20),
    height: 420,
    scales: { x: { time: false }, y: chart.logarithmic ? { distr: 3 } : {} },
    axes: [{ label: chart.xLabel }, { label: chart.yLabel, size: 80 }],
    series: [{ label: chart.xLabel }, ...chart.curves.map((curve, index) => ({
      label: curve.label, stroke: colours[index % colours.length], width: 2, spanGaps: false,
      value: (_, value) => value == null ? '' : value.toPrecision(3),
    }))],
  }, [chart.x, ...chart.curves.map((curve) => curve.values)], section);
}`;

/** A page of charts and a table that needs nothing but itself. */
export function renderPage({ title, text, charts, table }: Page): string {
  const { script, style } = plotter();
  const [headings, ...rows] = table;
  const row = (cells: string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escape(title)}</title>
<style>${style}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1f2937; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: 0.25rem 0.75rem; text-align: right; border-bottom: 1px solid #d1d5db; }
th:first-child, td:first-child { text-align: left; }
</style>
<h1>${escape(title)}</h1>
${text.map((paragraph) => `<p>${escape(paragraph)}</p>`).join('\n')}
<table>
<thead>${row(headings, 'th')}</thead>
<tbody>${rows.map((cells) => row(cells, 'td')).join('\n')}</tbody>
</table>
<script>${script}</script>
<script>
const charts = ${embed(charts)};
const colours = ${embed(colours)};
${drawing}
</script>
</html>
`;
}

/** The table as text, columns aligned. */
export function renderTable(table: string[][]): string {
  const widths = table[0].map((_, column) => Math.max(...table.map((cells) => cells[column].length)));
  const line = (cells: string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ');
  return table.map(line).join('\n');
}
