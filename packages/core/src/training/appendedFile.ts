import { writeError, writeFully, type FileSystem } from './fileSystem.js';

/** A file that only grows, such as a log. What cannot be written is a one-line error that names it. */
export class AppendedFile {
  private readonly descriptor: number;

  /** @param flags `a` to go on with what is there, `wx` for a file that must be new */
  constructor(
    private readonly fs: FileSystem,
    readonly path: string,
    flags: 'a' | 'wx',
  ) {
    this.descriptor = this.attempt(() => fs.openSync(path, flags));
  }

  write(bytes: Uint8Array): void {
    this.attempt(() => writeFully(this.fs, this.descriptor, bytes));
  }

  /** Returns when everything written has reached the disk. */
  sync(): void {
    this.attempt(() => this.fs.fsyncSync(this.descriptor));
  }

  close(): void {
    this.fs.closeSync(this.descriptor);
  }

  private attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw writeError(this.path, error);
    }
  }
}
