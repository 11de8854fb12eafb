/** Where each element goes before the butterflies: its index with the bits reversed. */
function reversedBits(size: number): Uint32Array {
  const order = new Uint32Array(size);
  for (let index = 1; index < size; index++) order[index] = (order[index >> 1] >> 1) | (index & 1 ? size >> 1 : 0);
  return order;
}

/**
 * The discrete Fourier transform of complex numbers for a size that is a power of two:
 * X[k] = sum_n x[n] exp(-2 pi i k n / N), by decimation in time (Cooley and Tukey 1965), two stages at once.
 */
export class PowerOfTwoFourier {
  private readonly order: Uint32Array;
  /** For each pair of stages, for each j: the factors of the second, third and fourth input, real and imaginary. */
  private readonly factors: Float64Array[] = [];
  private readonly re: Float64Array;
  private readonly im: Float64Array;

  constructor(readonly size: number) {
    this.order = reversedBits(size);
    this.re = new Float64Array(size);
    this.im = new Float64Array(size);
    for (let quarter = this.firstQuarter(); quarter * 4 <= size; quarter *= 4) {
      const stage = new Float64Array(6 * quarter);
      for (let j = 0; j < quarter; j++) {
        for (const [place, multiple] of [2, 1, 3].entries()) {
          const angle = (-2 * Math.PI * j * multiple) / (4 * quarter);
          stage[6 * j + 2 * place] = Math.cos(angle);
          stage[6 * j + 2 * place + 1] = Math.sin(angle);
        }
      }
      this.factors.push(stage);
    }
  }

  /** Replaces `[size]` real and imaginary parts by their transform. */
  transform(re: Float64Array, im: Float64Array): void {
    const { size, order, re: a, im: b } = this;
    for (let index = 0; index < size; index++) {
      a[index] = re[order[index]];
      b[index] = im[order[index]];
    }
    let quarter = this.firstQuarter();
    if (quarter === 2) pairs(a, b);
    for (const stage of this.factors) {
      if (quarter === 1) fours(a, b);
      else butterflies(a, b, quarter, stage);
      quarter *= 4;
    }
    re.set(a);
    im.set(b);
  }

  /** An odd number of stages begins with a single one. */
  private firstQuarter(): 1 | 2 {
    return Math.log2(this.size) % 2 ? 2 : 1;
  }
}

/** The first stage alone: sums and differences of neighbours. */
function pairs(re: Float64Array, im: Float64Array): void {
  for (let at = 0; at < re.length; at += 2) {
    const r = re[at + 1];
    const i = im[at + 1];
    re[at + 1] = re[at] - r;
    im[at + 1] = im[at] - i;
    re[at] += r;
    im[at] += i;
  }
}

/** The first two stages, whose factors are all one: transforms of four neighbours. */
function fours(re: Float64Array, im: Float64Array): void {
  for (let at = 0; at + 3 < re.length; at += 4) {
    const evenR = re[at] + re[at + 1];
    const evenI = im[at] + im[at + 1];
    const oddR = re[at] - re[at + 1];
    const oddI = im[at] - im[at + 1];
    const sumR = re[at + 2] + re[at + 3];
    const sumI = im[at + 2] + im[at + 3];
    const differenceR = re[at + 2] - re[at + 3];
    const differenceI = im[at + 2] - im[at + 3];
    re[at] = evenR + sumR;
    im[at] = evenI + sumI;
    re[at + 1] = oddR + differenceI;
    im[at + 1] = oddI - differenceR;
    re[at + 2] = evenR - sumR;
    im[at + 2] = evenI - sumI;
    re[at + 3] = oddR - differenceI;
    im[at + 3] = oddI + differenceR;
  }
}

/** Two stages: each four elements a quarter apart become sums of themselves times 1, w^2, w and w^3. */
function butterflies(re: Float64Array, im: Float64Array, quarter: number, factors: Float64Array): void {
  for (let j = 0, f = 0; j < quarter; j++, f += 6) {
    const w2r = factors[f];
    const w2i = factors[f + 1];
    const w1r = factors[f + 2];
    const w1i = factors[f + 3];
    const w3r = factors[f + 4];
    const w3i = factors[f + 5];
    for (let a = j; a < re.length; a += 4 * quarter) {
      const b = a + quarter;
      const c = b + quarter;
      const d = c + quarter;
      const br = re[b] * w2r - im[b] * w2i;
      const bi = re[b] * w2i + im[b] * w2r;
      const cr = re[c] * w1r - im[c] * w1i;
      const ci = re[c] * w1i + im[c] * w1r;
      const dr = re[d] * w3r - im[d] * w3i;
      const di = re[d] * w3i + im[d] * w3r;
      const evenR = re[a] + br;
      const evenI = im[a] + bi;
      const oddR = re[a] - br;
      const oddI = im[a] - bi;
      re[a] = evenR + cr + dr;
      im[a] = evenI + ci + di;
      re[c] = evenR - cr - dr;
      im[c] = evenI - ci - di;
      re[b] = oddR + ci - di;
      im[b] = oddI - cr + dr;
      re[d] = oddR - ci + di;
      im[d] = oddI + cr - dr;
    }
  }
}

/** The same for any size, as a convolution with a chirp (Bluestein 1970), whose size is a power of two. */
export class ChirpFourier {
  private readonly inner: PowerOfTwoFourier;
  private readonly cos: Float64Array;
  private readonly sin: Float64Array;
  private readonly filterRe: Float64Array;
  private readonly filterIm: Float64Array;
  private readonly re: Float64Array;
  private readonly im: Float64Array;

  constructor(readonly size: number) {
    const padded = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * size - 1)));
    this.inner = new PowerOfTwoFourier(padded);
    // n^2 modulo 2N, since exp(pi i n^2 / N) repeats, and large angles lose digits.
    const angles = Float64Array.from({ length: size }, (_, n) => (Math.PI * ((n * n) % (2 * size))) / size);
    this.cos = angles.map(Math.cos);
    this.sin = angles.map(Math.sin);
    this.filterRe = new Float64Array(padded);
    this.filterIm = new Float64Array(padded);
    for (let n = 0; n < size; n++) {
      for (const place of n === 0 ? [0] : [n, padded - n]) {
        this.filterRe[place] = this.cos[n] / padded;
        this.filterIm[place] = this.sin[n] / padded;
      }
    }
    this.inner.transform(this.filterRe, this.filterIm);
    this.re = new Float64Array(padded);
    this.im = new Float64Array(padded);
  }

  transform(re: Float64Array, im: Float64Array): void {
    const { re: a, im: b, cos, sin, filterRe, filterIm, size } = this;
    a.fill(0);
    b.fill(0);
    for (let n = 0; n < size; n++) {
      a[n] = re[n] * cos[n] + im[n] * sin[n];
      b[n] = im[n] * cos[n] - re[n] * sin[n];
    }
    this.inner.transform(a, b);
    for (let n = 0; n < a.length; n++) {
      const r = a[n] * filterRe[n] - b[n] * filterIm[n];
      b[n] = a[n] * filterIm[n] + b[n] * filterRe[n];
      a[n] = r;
    }
    this.inner.transform(b, a); // with the parts exchanged, it is the inverse
    for (let n = 0; n < size; n++) {
      re[n] = a[n] * cos[n] + b[n] * sin[n];
      im[n] = b[n] * cos[n] - a[n] * sin[n];
    }
  }
}

/** The transform that fits a size. */
export function complexFourier(size: number): PowerOfTwoFourier | ChirpFourier {
  return Number.isInteger(Math.log2(size)) ? new PowerOfTwoFourier(size) : new ChirpFourier(size);
}
