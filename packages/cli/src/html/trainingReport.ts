import { lineChart, type Series } from './lineChart.js';
import { htmlPage, type PageSection } from './page.js';
import { columns, folded, table, tiles, verbatim, type Table, type Tile } from './pieces.js';
import { markup, type Html } from './html.js';

/** One line of a run's `metrics.jsonl`, as far as the report looks at it. */
export interface ReportMetrics {
  step: number;
  epoch?: number;
  loss?: number | null;
  learningRate?: number;
  gradientNorm?: number | null;
  /** By name; `loss` is drawn beside the training loss, others in a chart each, but for `bits` and `perplexity`. */
  validation?: Readonly<Record<string, number>>;
  best?: boolean;
  sample?: string;
  time?: { seconds?: number; tokensPerSecond?: number };
}

export interface ReportSample {
  step: number;
  text: string;
  note?: string;
}

export interface TrainingReport {
  title: string;
  subtitle?: string | Html;
  metrics: readonly ReportMetrics[];
  /** The unit of the loss: "nats per character". */
  lossUnit?: string;
  /** What is counted a second: "characters". */
  tokenName?: string;
  /** The figures on top; unless told, those that the metrics give. */
  summary?: readonly Tile[];
  /** What the model wrote as it learned; unless told, the samples of the metrics. */
  samples?: readonly ReportSample[];
  /** The measure on unseen data. */
  evaluation?: Table & { note?: string };
  /** The resolved configuration. */
  configuration?: object;
  footer?: string | Html;
}

const MOST_SAMPLES = 12;
/** Measures that are the loss in another unit: a chart of their own would show nothing new. */
const SAME_AS_LOSS = new Set(['loss', 'bits', 'perplexity']);

/** The report of a training run as a page: figures, curves, what it wrote, the evaluation, the configuration. */
export function renderTrainingReport(report: TrainingReport): string {
  const { title, subtitle, metrics, evaluation, configuration, footer } = report;
  const summary = report.summary ?? summaryOf(report);
  const samples = thinSamples(report.samples ?? samplesOf(metrics));
  const sections: (PageSection | false)[] = [
    summary.length > 0 && { body: tiles(summary), plain: true },
    { title: 'Learning', body: curves(report) },
    evaluation !== undefined && { title: 'Evaluation', lead: evaluation.note, body: table(evaluation) },
    samples.length > 0 && {
      title: 'What it wrote',
      lead: 'Samples drawn while it learned, the newest first.',
      body: renderSamples(samples),
    },
    configuration !== undefined && { title: 'Configuration', body: renderConfiguration(configuration) },
  ];
  return htmlPage({ title, subtitle, footer, sections: sections.filter((section) => section !== false) });
}

function curves(report: TrainingReport): Html {
  const { metrics, lossUnit = 'nats', tokenName = 'tokens' } = report;
  const series = (pick: (row: ReportMetrics) => number | null | undefined): Series['points'] =>
    metrics.flatMap((row): [number, number | null][] => {
      const value = pick(row);
      return value === undefined ? [] : [[row.step, value]];
    });
  const chart = (title: string, unit: string, pick: (row: ReportMetrics) => number | null | undefined): Html | null => {
    const points = series(pick);
    if (points.length === 0) return null;
    const only = [{ name: unit, points, dots: points.length === 1 }];
    const yFromZero = title !== `Validation ${unit}`;
    return lineChart({ title, xLabel: 'step', yLabel: unit, yFromZero, height: 190, group: 'step', series: only });
  };
  const loss = series((row) => row.loss);
  const smooth = smoothed(loss);
  const main = lineChart({
    title: 'Loss',
    xLabel: 'step',
    yLabel: lossUnit,
    group: 'step',
    height: 320,
    series: [
      ...(smooth ? [{ name: 'training, each log', points: loss, faint: true, dots: false }] : []),
      { name: smooth ? 'training, smoothed' : 'training', points: smooth ?? loss, colour: 1, dots: loss.length === 1 },
      { name: 'validation', points: series((row) => row.validation?.loss), colour: 2 },
    ],
  });
  const names = new Set(metrics.flatMap((row) => Object.keys(row.validation ?? {})));
  const others = [...names].filter((name) => !SAME_AS_LOSS.has(name));
  const small = [
    ...others.map((name) => chart(`Validation ${name}`, name, (row) => row.validation?.[name])),
    chart('Learning rate', 'rate', (row) => row.learningRate),
    chart('Gradient norm before clipping', 'norm', (row) => row.gradientNorm),
    chart('Speed', `${tokenName} a second`, (row) => row.time?.tokensPerSecond),
  ];
  return markup`${main}
    <div class="more-charts">${columns(small.filter((one) => one !== null))}</div>`;
}

/** Means over about a fortieth of the points around each, where there are enough to be noisy. */
function smoothed(points: Series['points']): [number, number | null][] | null {
  if (points.length < 60) return null;
  const reach = Math.ceil(points.length / 80);
  return points.map(([x], index) => {
    // As far to one side as to the other: a mean that leans would bend the ends of a steep curve.
    const side = Math.min(reach, index, points.length - 1 - index);
    const known = points
      .slice(index - side, index + side + 1)
      .flatMap(([, y]) => (Number.isFinite(y) ? [y as number] : []));
    return [x, known.length === 0 ? null : known.reduce((sum, y) => sum + y, 0) / known.length];
  });
}

function summaryOf({ metrics, lossUnit = 'nats', tokenName = 'tokens' }: TrainingReport): Tile[] {
  const validated = metrics.filter((row) => Number.isFinite(row.validation?.loss));
  const best = validated.reduce<ReportMetrics | undefined>(
    (found, row) => (found && found.validation!.loss <= row.validation!.loss ? found : row),
    undefined,
  );
  const last = metrics.at(-1);
  const speeds = metrics.flatMap((row) => row.time?.tokensPerSecond ?? []).sort((a, b) => a - b);
  const tilesFound: (Tile | undefined)[] = [
    best && {
      label: 'Best validation loss',
      value: best.validation!.loss.toFixed(4),
      note: `${lossUnit}, at step ${count(best.step)}`,
    },
    last && {
      label: 'Steps',
      value: count(last.step),
      note: last.epoch === undefined ? undefined : `${last.epoch.toFixed(2)} epochs`,
    },
    last?.time?.seconds === undefined ? undefined : { label: 'Time', value: duration(last.time.seconds) },
    speeds.length === 0
      ? undefined
      : { label: 'Speed', value: count(speeds[speeds.length >> 1]), note: `${tokenName} a second, median` },
  ];
  return tilesFound.filter((tile) => tile !== undefined);
}

function samplesOf(metrics: readonly ReportMetrics[]): ReportSample[] {
  return metrics.flatMap(({ step, sample, validation }) => {
    if (sample === undefined) return [];
    const loss = validation?.loss;
    return [{ step, text: sample, note: loss === undefined ? undefined : `validation loss ${loss.toFixed(3)}` }];
  });
}

/** The first and the last, and of the others about as many from each time. */
function thinSamples(samples: readonly ReportSample[]): ReportSample[] {
  if (samples.length <= MOST_SAMPLES) return [...samples];
  const scale = (samples.length - 1) / (MOST_SAMPLES - 1);
  return Array.from({ length: MOST_SAMPLES }, (_, index) => samples[Math.round(index * scale)]);
}

function renderSamples(samples: readonly ReportSample[]): Html {
  return markup`<ol class="samples">
    ${samples.toReversed().map(
      ({ step, text, note }) =>
        markup`<li>
          <h3>Step ${count(step)}${note !== undefined && markup` <span class="lead">${note}</span>`}</h3>
          ${verbatim(text)}
        </li>`,
    )}
  </ol>`;
}

function renderConfiguration(configuration: object): Html {
  const rows: [string, string][] = [];
  const visit = (value: unknown, path: string): void => {
    const nested =
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    if (nested) for (const [key, inner] of Object.entries(value)) visit(inner, path === '' ? key : `${path}.${key}`);
    else rows.push([path, typeof value === 'string' ? value : (JSON.stringify(value) ?? '')]);
  };
  visit(configuration, '');
  return folded(
    `${rows.length} settings`,
    table({
      columns: [{ title: 'setting' }, { title: 'value' }],
      rows: rows.map(([key, value]) => [key, markup`<code>${value}</code>`]),
    }),
  );
}

const count = (value: number): string => Math.round(value).toLocaleString('en');

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
