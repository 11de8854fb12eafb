import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppendedFile } from './appendedFile.js';
import { refuseUnknown } from '../options.js';
import { encodeEvent, type EventMessage } from './eventProto.js';
import { defaultFileSystem, type FileSystem } from './fileSystem.js';
import { encodeRecord } from './tfRecord.js';

export interface EventWriterOptions {
  /** The last step that holds of what earlier files of the folder say; 0 or absent for a new run. */
  resumedAt?: number;
  /** Milliseconds since 1970, for tests. */
  now?: () => number;
  fileSystem?: FileSystem;
}

/**
 * Writes scalars and texts to a TensorBoard event file: TFRecords of Event protocol buffers.
 *
 * A resumed run writes a further file, whose name sorts behind the earlier ones and which begins with a session start at the
 * step after the checkpoint: TensorBoard then forgets what the earlier files say from that step on, so nothing appears twice.
 */
export class EventWriter {
  private readonly file: AppendedFile;
  private readonly now: () => number;

  constructor(directory: string, options: EventWriterOptions = {}) {
    refuseUnknown('EventWriter', options, ['resumedAt', 'now', 'fileSystem']);
    const fs = options.fileSystem ?? defaultFileSystem;
    this.now = options.now ?? Date.now;
    const earlier = fs
      .readdirSync(directory)
      .map((name) => Number(/^events\.out\.tfevents\.(\d+)\./.exec(name)?.[1] ?? 0));
    const second = Math.max(Math.floor(this.now() / 1000), ...earlier.map((start) => start + 1));
    this.file = new AppendedFile(
      fs,
      join(directory, `events.out.tfevents.${String(second).padStart(10, '0')}.${hostname()}`),
      'wx',
    );
    this.write({ fileVersion: 'brain.Event:2' });
    const { resumedAt = 0 } = options;
    if (earlier.some((start) => start > 0)) this.write({ step: resumedAt + 1, sessionStart: true });
  }

  get path(): string {
    return this.file.path;
  }

  /** One point of each curve. Values that are not finite are kept as they are. */
  scalars(step: number, values: Record<string, number>): void {
    this.write({ step, scalars: values });
  }

  /** A text for TensorBoard's text page. */
  text(step: number, tag: string, text: string): void {
    this.write({ step, text: { tag, text } });
  }

  /** Returns when all events have reached the disk. */
  sync(): void {
    this.file.sync();
  }

  close(): void {
    this.file.close();
  }

  private write(event: Omit<EventMessage, 'wallTime'>): void {
    this.file.write(encodeRecord(encodeEvent({ wallTime: this.now() / 1000, ...event })));
  }
}
