import { Presets, SingleBar } from 'cli-progress';
import type { Output } from './output.js';

/** A progress display: a moving bar in a terminal, a line now and then elsewhere, nothing under `--quiet`. */
export interface Progress {
  /** Shows that `value` of the total is done; `detail` is short text such as `loss 1.532  21k chars/s`. */
  update(value: number, detail?: string): void;
  /** Prints a line above the bar. */
  note(line: string): void;
  stop(): void;
}

export interface ProgressOptions {
  label: string;
  /** Infinity where nobody knows. */
  total: number;
  /** Formats a count, `step 120/400` by default. */
  format?: (value: number, total: number) => string;
  /** Seconds between the plain lines shown where there is no terminal. */
  interval?: number;
}

/** `95` seconds as `1:35`, `3725` as `1:02:05`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] > 0 ? parts : parts.slice(1);
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** `20431` as `20.4k`, so that a changing figure keeps its width; a small whole number as it is. */
export function formatCount(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)}G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)}k`;
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** A display of the output's kind: silent under `--quiet`, a bar in a terminal, lines elsewhere. */
export function createProgress(output: Output, options: ProgressOptions): Progress {
  if (output.quiet) return { update() {}, note() {}, stop() {} };
  return output.interactive ? barProgress(output, options) : lineProgress(output, options);
}

const clearLine = '\u001b[K';
const wrapOn = '\u001b[?7h';
const wrapOff = '\u001b[?7l';
const saveCursor = '\u001b7';
const showCursor = '\u001b[?25h';

function barProgress(output: Output, { label, total, format = plainCount }: ProgressOptions): Progress {
  const bar = new SingleBar(
    {
      format: `${label} ${Number.isFinite(total) ? '{bar} {percentage}%  ' : ''}{count}  {detail}`,
      barsize: 24,
      stream: process.stderr,
      fps: 8,
      hideCursor: true,
      clearOnComplete: false,
      linewrap: false,
      forceRedraw: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { count: format(0, total), detail: '' });
  // Whatever ends the process while the bar stands, the terminal is left as it was.
  const restore = (): void => void process.stderr.write(`${wrapOn}${showCursor}\n`);
  process.once('exit', restore);
  let shownDetail = '';
  // The bar turns line wrapping off, and goes back to the cursor it saved when it stops: both must follow.
  const note = (line: string): void => {
    process.stderr.write(`\r${clearLine}${wrapOn}${line}\n${wrapOff}${saveCursor}`);
    bar.render();
  };
  output.divert(note);
  return {
    update(value, detail = shownDetail) {
      shownDetail = detail;
      bar.update(value, { count: format(value, total), detail });
    },
    note,
    stop() {
      process.off('exit', restore);
      bar.stop();
      output.divert();
    },
  };
}

function lineProgress(output: Output, options: ProgressOptions): Progress {
  const { label, total, format = plainCount, interval = 10 } = options;
  let last = Date.now();
  return {
    update(value, detail = '') {
      if (Date.now() - last < interval * 1000) return;
      last = Date.now();
      const percent = total > 0 ? Math.floor((100 * value) / total) : 100;
      const part = Number.isFinite(total) ? `${percent}%  ` : '';
      output.say(`${label} ${part}${format(value, total)}  ${detail}`.trimEnd());
    },
    note: (line) => output.say(line),
    stop() {},
  };
}

function plainCount(value: number, total: number): string {
  return Number.isFinite(total) ? `${value}/${total}` : String(value);
}
