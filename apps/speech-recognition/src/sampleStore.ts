import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@cadenza/core';

/** Samples that are kept to be read again and again. */
export interface KeptSamples {
  read(): Float32Array;
}

/** An hour of sound at 16 kHz has 230 MB. */
const MEMORY_BYTES = 2 ** 30;

/**
 * Keeps the samples of recordings, in memory as long as they are few, and others in a temporary file: a training draws from all of
 * them in any order, and a corpus may have more of them than there is memory. Nobody else sees the file, which is gone when the
 * process ends, however it ends.
 */
export class SampleStore {
  private file?: number;
  private end = 0;
  private inMemory = 0;

  /** @param memoryBytes how much is kept in memory */
  constructor(private readonly memoryBytes = MEMORY_BYTES) {}

  /** @throws {InputError} where the temporary file has no room */
  keep(samples: Float32Array): KeptSamples {
    if (this.inMemory + samples.byteLength <= this.memoryBytes) {
      this.inMemory += samples.byteLength;
      return { read: () => samples };
    }
    const [from, length] = [this.end, samples.length];
    this.write(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
    return { read: () => this.read(from, length) };
  }

  private write(bytes: Uint8Array): void {
    try {
      this.file ??= openNameless();
      for (let done = 0; done < bytes.length;) {
        const written = writeSync(this.file, bytes, done, bytes.length - done, this.end);
        done += written;
        this.end += written;
      }
    } catch (cause) {
      const megabytes = Math.ceil((this.end + bytes.length) / 1e6);
      throw new InputError(
        `Expected room for ${megabytes} MB and more of sound in ${tmpdir()} (TMPDIR names another folder), got: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  private read(from: number, length: number): Float32Array {
    const samples = new Float32Array(length);
    const bytes = new Uint8Array(samples.buffer);
    for (let done = 0; done < bytes.length;) {
      const read = readSync(this.file!, bytes, done, bytes.length - done, from + done);
      if (read === 0) throw new Error(`Expected ${bytes.length} bytes of kept sound, got ${done}`);
      done += read;
    }
    return samples;
  }

  /** Lets all go. What was kept must not be read any more. */
  dispose(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }
}

/** Opens a temporary file and takes its name away, where the system has open files without one. */
function openNameless(): number {
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-sound-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const file = openSync(join(folder, 'samples'), 'w+');
  try {
    remove();
  } catch {
    process.once('exit', remove);
  }
  return file;
}
