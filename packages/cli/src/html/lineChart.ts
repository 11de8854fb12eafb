import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CHART_CSS, CHART_SCRIPT } from './chartScript.js';
import { folded, table } from './pieces.js';
import { markup, jsonScript, withAsset, type Html, type PageAsset } from './html.js';

export interface Series {
  name: string;
  /** [x, y] in rising x; a y that is not finite is a gap. */
  points: readonly (readonly [number, number | null])[];
  /** 1 to 4, a place in the page's palette; by the order of the series unless told. */
  colour?: number;
  /** Drawn pale and thin, as the background of another one. */
  faint?: boolean;
  /** Marks each point; unless told, where there are few. */
  dots?: boolean;
}

export interface LineChart {
  title: string;
  xLabel: string;
  /** The unit of y, for the axis and the reader. */
  yLabel: string;
  series: readonly Series[];
  xLog?: boolean;
  yLog?: boolean;
  /** Lets the axis begin at 0. */
  yFromZero?: boolean;
  /** CSS pixels; 260 unless told. */
  height?: number;
  /** Charts of one group show the same x under the pointer. */
  group?: string;
}

/** At most so many points of a series reach the page: more than a screen has columns would only make it slow. */
const MOST_POINTS = 1500;
const TABLE_ROWS = 40;
const FEW_POINTS = 40;

/**
 * A chart of lines over a common x, drawn by uPlot: values under the pointer, drag to zoom, double-click to go back. Its
 * numbers are also there as a table, and a sentence says what it shows.
 */
export function lineChart(chart: LineChart): Html {
  const series = chart.series.map((one) => ({ ...one, points: thin(clean(one.points, chart)) }));
  const drawn = series.filter((one) => one.points.length > 0);
  if (drawn.length === 0) {
    return markup`<figure class="chart">
      <figcaption><h3>${chart.title}</h3></figcaption>
      <p class="lead">Nothing was measured.</p>
    </figure>`;
  }
  const xs = [...new Set(drawn.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  const aligned = drawn.map(({ points }) => {
    const values = new Map(points);
    return xs.map((x) => values.get(x) ?? null);
  });
  const specification = {
    x: { label: chart.xLabel, log: chart.xLog === true },
    y: { label: chart.yLabel, log: chart.yLog === true, fromZero: chart.yFromZero === true },
    height: chart.height ?? 260,
    group: chart.group ?? null,
    series: drawn.map(({ name, colour, faint, dots, points }, index) => ({
      name,
      colour: faint ? '--faint-1' : `--series-${colour ?? index + 1}`,
      width: faint ? 1 : 2,
      dots: dots ?? points.length <= FEW_POINTS,
    })),
    data: [xs, ...aligned],
  };
  const content = markup`<figure class="chart">
    <figcaption><h3>${chart.title}</h3></figcaption>
    <div class="plot" role="img" aria-label="${describe(chart, drawn)}"></div>
    ${jsonScript(specification)} ${folded('Show as a table', valueTable(chart, drawn, xs, aligned))}
  </figure>`;
  return withAsset(content, chartAsset());
}

/** Finite points only, and on a logarithmic axis positive ones. */
function clean(points: Series['points'], { xLog, yLog }: LineChart): [number, number | null][] {
  const fits = (value: number, log?: boolean): boolean => Number.isFinite(value) && (!log || value > 0);
  return points
    .filter(([x]) => fits(x, xLog))
    .map(([x, y]): [number, number | null] => [x, y !== null && fits(y, yLog) ? y : null])
    .filter(([, y], index, all) => y !== null || (index > 0 && index < all.length - 1));
}

/** Means over neighbours where there are too many points to see. */
function thin(points: [number, number | null][]): [number, number | null][] {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return points;
  const thinned: [number, number | null][] = [];
  for (let start = 0; start < points.length; start += size) {
    const bucket = points.slice(start, start + size);
    const values = bucket.flatMap(([, y]) => (y === null ? [] : [y]));
    const mean = values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
    thinned.push([bucket[bucket.length - 1][0], mean]);
  }
  return thinned;
}

function describe({ title, xLabel, yLabel }: LineChart, series: readonly Series[]): string {
  const parts = series.map(({ name, points }) => {
    const known = points.filter(([, y]) => y !== null) as [number, number][];
    if (known.length === 0) return `${name} without values`;
    const [first, last] = [known[0], known[known.length - 1]];
    return `${name} from ${number(first[1])} at ${number(first[0])} to ${number(last[1])} at ${number(last[0])}`;
  });
  return `${title}: ${yLabel} over ${xLabel}. ${parts.join('; ')}.`;
}

function valueTable(chart: LineChart, series: readonly Series[], xs: number[], aligned: (number | null)[][]): Html {
  const stride = Math.ceil(xs.length / TABLE_ROWS);
  const chosen = xs.map((_, index) => index).filter((index) => (xs.length - 1 - index) % stride === 0);
  // A row of blanks tells nothing: each series shows its newest value up to there.
  const newest = (values: (number | null)[], index: number): string => {
    const from = Math.max(0, index - stride + 1);
    const value = values.slice(from, index + 1).findLast((one) => one !== null);
    return value === undefined || value === null ? '' : number(value);
  };
  return table({
    columns: [chart.xLabel, ...series.map(({ name }) => name)].map((title) => ({ title, number: true })),
    rows: chosen.map((index) => [number(xs[index]), ...aligned.map((values) => newest(values, index))]),
  });
}

/** Four digits that matter. */
function number(value: number): string {
  return String(Number(value.toPrecision(4)));
}

let loaded: PageAsset | undefined;

/** uPlot's own files, from where npm put them. */
function chartAsset(): PageAsset {
  if (!loaded) {
    const folder = dirname(createRequire(import.meta.url).resolve('uplot'));
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    loaded = { css: read('uPlot.min.css') + CHART_CSS, js: `${read('uPlot.iife.min.js')}\n${CHART_SCRIPT}` };
  }
  return loaded;
}
