import { join } from 'node:path';
import { writeError, type FileSystem } from './fileSystem.js';
import { MetricsLog, truncateMetrics, type MetricsLine } from './metricsLog.js';
import { EventWriter } from './tensorboard.js';

/** What a run folder says of the training's course: metrics.jsonl and the TensorBoard events, line by line the same. */
export class TrainingLog {
  private readonly metrics: MetricsLog;
  private readonly events: EventWriter | undefined;

  /** Opens the logs of a run that stands at `step`: what they say of later steps is dropped. */
  constructor(run: string, step: number, tensorboard: boolean, fs: FileSystem) {
    const path = join(run, 'metrics.jsonl');
    try {
      fs.mkdirSync(run, { recursive: true });
      truncateMetrics(path, step, fs);
    } catch (error) {
      throw writeError(path, error);
    }
    this.metrics = new MetricsLog(path, fs);
    this.events = tensorboard ? new EventWriter(run, { resumedAt: step, fileSystem: fs }) : undefined;
  }

  write(line: MetricsLine): void {
    this.metrics.write(line);
    if (!this.events) return;
    if (line.sample !== undefined) this.events.text(line.step, 'sample', line.sample);
    // The final validation holds only until the run goes on, as in metrics.jsonl: a step later, where a resumed session begins.
    const step = line.final ? line.step + 1 : line.step;
    const scalars = curves(line);
    if (Object.keys(scalars).length > 0) this.events.scalars(step, scalars);
  }

  /** Returns when both logs have reached the disk. */
  sync(): void {
    this.metrics.sync();
    this.events?.sync();
  }

  close(): void {
    this.metrics.close();
    this.events?.close();
  }
}

/** The numbers of a line under TensorBoard's tags. */
function curves(line: MetricsLine): Record<string, number> {
  const values: Record<string, number | null | undefined> = {
    'train/loss': line.loss,
    'train/learningRate': line.learningRate,
    'train/gradientNorm': line.gradientNorm,
    'train/epoch': line.epoch,
    'train/tokensPerSecond': line.time.tokensPerSecond,
  };
  for (const [name, value] of Object.entries(line.validation ?? {})) values[`validation/${name}`] = value;
  const present = Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return Object.fromEntries(present);
}
