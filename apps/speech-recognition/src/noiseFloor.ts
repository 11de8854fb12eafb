/** Parts of the window whose minima are kept: the floor follows louder noise with a delay of up to a part more. */
const PARTS = 15;
/** Frames so far apart, in decibels, are not of one noise. */
const CONTRAST = 15;

/**
 * The level of the noise beneath speech, by minimum statistics (Martin 2001): the least level of the last seconds, since
 * between and within words speech soon falls to what is behind it. Until the first window has passed, and nothing much louder
 * than the least was heard, that may be all speech: then the floor is at most an assumed one.
 */
export class NoiseFloor {
  private readonly minima = new Float64Array(PARTS).fill(Infinity);
  private part = 0;
  private counted = 0;
  private seen = 0;
  private loudest = -Infinity;

  /**
   * @param partFrames how many frames a fifteenth of the window has
   * @param assumed in decibels
   */
  constructor(
    private readonly partFrames: number,
    private readonly assumed: number,
  ) {}

  /** The floor of a window of so many frames. */
  static ofWindow(frames: number, assumed: number): NoiseFloor {
    return new NoiseFloor(Math.max(1, Math.ceil(frames / PARTS)), assumed);
  }

  /** Takes in the level of the next frame, and gives the floor, both in decibels. */
  next(level: number): number {
    if (this.counted === this.partFrames) {
      this.part = (this.part + 1) % PARTS;
      this.minima[this.part] = Infinity;
      this.counted = 0;
    }
    this.counted++;
    this.minima[this.part] = Math.min(this.minima[this.part], level);
    const least = this.minima.reduce((lower, minimum) => Math.min(lower, minimum), Infinity);
    if (this.seen === PARTS * this.partFrames) return least;
    this.seen++;
    this.loudest = Math.max(this.loudest, level);
    return this.loudest - least >= CONTRAST ? least : Math.min(least, this.assumed);
  }
}
