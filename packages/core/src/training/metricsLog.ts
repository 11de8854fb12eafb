import { AppendedFile } from './appendedFile.js';
import { defaultFileSystem, type FileSystem } from './fileSystem.js';
import { metricsOf } from './json.js';
import type { Metrics } from './trainingTypes.js';

/** One line of metrics.jsonl. Everything that depends on the clock is under `time`; the rest repeats bit for bit. */
export interface MetricsLine {
  step: number;
  epoch?: number;
  /** The mean since the line before; null where no step had a finite one. */
  loss?: number | null;
  learningRate?: number;
  /** Of the last step, before clipping by norm. */
  gradientNorm?: number | null;
  /** Steps skipped so far, where there were any. */
  skipped?: number;
  /** What is not finite becomes null in the file, and NaN when it is read. */
  validation?: Metrics;
  /** Better than all validations before. */
  best?: boolean;
  /** The additional validation at the end of a training; dropped when the run goes on. */
  final?: boolean;
  sample?: string;
  time: { seconds: number; tokensPerSecond?: number };
}

/** Appends lines to metrics.jsonl. */
export class MetricsLog {
  private readonly file: AppendedFile;

  constructor(path: string, fs: FileSystem = defaultFileSystem) {
    this.file = new AppendedFile(fs, path, 'a');
  }

  write(line: MetricsLine): void {
    this.file.write(Buffer.from(`${JSON.stringify(line)}\n`));
  }

  /** Returns when all lines have reached the disk: a checkpoint must not be newer than its metrics. */
  sync(): void {
    this.file.sync();
  }

  close(): void {
    this.file.close();
  }
}

/** The lines of a metrics file; a last line that was cut off by a crash is left out. */
export function readMetrics(path: string, fs: FileSystem = defaultFileSystem): MetricsLine[] {
  return completeLines(fs.readFileSync(path)).map(({ line }) => line);
}

/**
 * Cuts a metrics file back to a checkpoint: drops what was logged after `step`, the final validation at it, and a line that a crash
 * cut off. The file may be absent.
 */
export function truncateMetrics(path: string, step: number, fs: FileSystem = defaultFileSystem): void {
  if (!fs.existsSync(path)) return;
  const bytes = fs.readFileSync(path);
  const lines = completeLines(bytes);
  const drop = lines.find(({ line }) => line.step > step || line.final);
  const length = drop ? drop.start : (lines.at(-1)?.end ?? 0);
  if (length === bytes.length) return;
  const descriptor = fs.openSync(path, 'r+');
  try {
    fs.ftruncateSync(descriptor, length);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

interface PlacedLine {
  line: MetricsLine;
  start: number;
  end: number;
}

/** Reads lines up to the first that is no whole JSON object with a step. */
function completeLines(bytes: Uint8Array): PlacedLine[] {
  const lines: PlacedLine[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(10, start);
    if (newline < 0) break;
    const line = parseLine(Buffer.from(bytes.subarray(start, newline)).toString());
    if (!line) break;
    lines.push({ line, start, end: newline + 1 });
    start = newline + 1;
  }
  return lines;
}

function parseLine(text: string): MetricsLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    const isLine = typeof line === 'object' && line !== null && typeof (line as MetricsLine).step === 'number';
    if (!isLine) return undefined;
    const { validation } = line as MetricsLine;
    return { ...(line as MetricsLine), ...(validation && { validation: metricsOf(validation) }) };
  } catch {
    return undefined;
  }
}
