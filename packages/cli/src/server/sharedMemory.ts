import { BusyError } from './busyError.js';

/** What one request keeps in memory. */
export interface Holding {
  /** So many bytes from now on, instead of those before. @throws {BusyError} where the others leave less */
  hold(bytes: number): void;
  /** Nothing any more. */
  release(): void;
}

/** Bounds what requests keep in memory together: long bodies, and what is made of them. One that is alone may keep more. */
export class SharedMemory {
  private held = 0;

  constructor(private readonly maximumBytes: number) {}

  /** For one request, which holds nothing yet. */
  open(): Holding {
    let own = 0;
    const take = (bytes: number): void => {
      this.held += bytes - own;
      own = bytes;
    };
    const hold = (bytes: number): void => {
      const others = this.held - own;
      if (others > 0 && others + bytes > this.maximumBytes) {
        throw new BusyError(
          `Expected requests to hold at most ${this.maximumBytes} bytes together, got ${others} and ${bytes} more; try again later`,
        );
      }
      take(bytes);
    };
    return { hold, release: () => take(0) };
  }
}
