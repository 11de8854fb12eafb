import { BusyError } from './busyError.js';

/** Bounds how much is done at the same time: each takes a place, if one is free. */
export class Places {
  private taken = 0;

  /** @param what is done at so many places at most, as in "Expected at most 64 streams" */
  constructor(
    private readonly most: number,
    private readonly what: string,
  ) {}

  /** Takes one; gives what gives it back, which is to be called once. @throws {BusyError} where none is free */
  take(): () => void {
    if (this.taken >= this.most)
      throw new BusyError(`Expected at most ${this.most} ${this.what}, got one more; try again later`);
    this.taken++;
    return () => void this.taken--;
  }
}
