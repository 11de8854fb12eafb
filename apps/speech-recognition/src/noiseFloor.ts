/** Parts of the window whose minima are kept: the floor follows louder noise with a delay of up to a part more. */
const PARTS = 15;

/**
 * The level of the noise beneath speech, by minimum statistics (Martin 2001): the least level of the last seconds, since
 * between and within words speech soon falls to what is behind it. Of the time before the first frame nothing is known but an
 * assumed level, so that a recording that begins with a word does not take it for noise.
 */
export class NoiseFloor {
  private readonly minima: Float64Array;
  private part = 0;
  private counted = 0;

  /**
   * @param partFrames how many frames a fifteenth of the window has
   * @param assumed the level before the first frame, in decibels
   */
  constructor(
    private readonly partFrames: number,
    assumed: number,
  ) {
    this.minima = new Float64Array(PARTS).fill(assumed);
    this.minima[0] = Infinity;
  }

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
    return Math.min(...this.minima);
  }
}
