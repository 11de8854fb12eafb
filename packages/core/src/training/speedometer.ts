/** Tokens per second as the median over the last steps, which a pause or a slow first step does not move. */
export class Speedometer {
  private readonly rates: number[] = [];

  /** @param window how many steps count */
  constructor(private readonly window = 101) {}

  record(tokens: number, seconds: number): void {
    this.rates.push(tokens / Math.max(seconds, 1e-9));
    if (this.rates.length > this.window) this.rates.shift();
  }

  /** 0 before the first step. */
  get median(): number {
    if (this.rates.length === 0) return 0;
    const sorted = [...this.rates].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
