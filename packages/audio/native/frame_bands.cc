// One frame of samples to its power spectrum or its mel bands, in float64, two numbers at once: what src/features/frameBands.ts
// computes in JavaScript, step by step the same, with sums in another order. scripts/buildWasm.mjs compiles it to
// wasm/frameBands.wasm; src/features/simdFrameBands.ts fills the setup in the module's memory. No library, no state.
//
// The transform of N real samples is that of N/2 complex ones (Press et al., Numerical Recipes, section 12.3), by Stockham's
// method with four at once (Van Loan 1992, section 1.7), which needs no reordering: real and imaginary parts lie apart,
// in two pairs of arrays that take turns.

typedef double pair __attribute__((vector_size(16)));
typedef double loose_pair __attribute__((vector_size(16), aligned(8), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE pair load(const double* p) { return *reinterpret_cast<const loose_pair*>(p); }
INLINE void store(double* p, pair v) { *reinterpret_cast<loose_pair*>(p) = v; }
INLINE pair both(double x) { return pair{x, x}; }
INLINE double sum(pair v) { return v[0] + v[1]; }
INLINE pair swapped(pair v) { return __builtin_shufflevector(v, v, 1, 0); }
INLINE pair firsts(pair a, pair b) { return __builtin_shufflevector(a, b, 0, 2); }
INLINE pair seconds(pair a, pair b) { return __builtin_shufflevector(a, b, 1, 3); }

enum Energy { none, raw, windowed, spectrum };

// Its order is that of simdFrameBands.ts. Arrays are padded with zeros to even lengths.
struct Setup {
  double preEmphasis;  // within the frame, 0 for none
  double binFactor;    // of every bin of the spectrum
  int frameLength, size, bands;  // bands 0: the spectrum is the result
  int removeOffset, magnitude;
  int energy;
  double* frame;           // [size], of which frameLength samples are given; is overwritten
  const double* window;    // [size], zeros from frameLength on
  const double* factors;   // of the stages, one after another: [p] of w, w^2 and w^3, real parts then imaginary ones
  const double* cos;       // [size / 4 + 1] of 2 pi k / size, k = 1 ..
  const double* sin;
  double *re, *im, *otherRe, *otherIm;  // [size / 2]
  double* power;           // [size / 2 + 2]
  const int* first;        // [bands]: the bin where a band begins
  const int* offsets;      // [bands + 1]: where in the weights, all even
  const double* weights;
  double* mel;             // [bands]
};

INLINE double sum_of_squares(const double* x, int length) {
  pair total = {};
  int n = 0;
  for (; n + 2 <= length; n += 2) total += load(x + n) * load(x + n);
  return sum(total) + (n < length ? x[n] * x[n] : 0);
}

INLINE double windowed_energy(const Setup& s) {
  pair total = {};
  for (int n = 0; n < s.frameLength; n += 2) {
    const pair x = load(s.frame + n) * load(s.window + n);
    total += x * x;
  }
  return sum(total);
}

INLINE void subtract_mean(double* x, int length) {
  pair total = {};
  int n = 0;
  for (; n + 2 <= length; n += 2) total += load(x + n);
  const double mean = (sum(total) + (n < length ? x[n] : 0)) / length;
  for (n = 0; n + 2 <= length; n += 2) store(x + n, load(x + n) - both(mean));
  if (n < length) x[n] -= mean;
}

// x[n] - a x[n-1], where the first sample is its own predecessor; from the end, since each needs the one before it as it was.
INLINE void emphasize(double* x, int length, double a) {
  int n = length;
  for (; n - 2 >= 1; n -= 2) store(x + n - 2, load(x + n - 2) - both(a) * load(x + n - 3));
  for (; n - 1 >= 1; --n) x[n - 1] -= a * x[n - 2];
  x[0] -= a * x[0];
}

struct Complex {
  pair re, im;
};
INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
INLINE Complex operator*(Complex a, Complex w) { return {a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re}; }

struct Four {
  Complex sums[4];
};

// The transform of four numbers.
INLINE Four four(Complex a, Complex b, Complex c, Complex d) {
  const Complex even = a + c, odd = b + d, evenLess = a - c, oddLess = b - d;
  const Complex turned = {oddLess.im, -oddLess.re};  // times -i
  return {{even + odd, evenLess + turned, even - odd, evenLess - turned}};
}

// The first stage: neighbours of the input stay apart, so two transforms are done at once and their results change places.
INLINE void first_stage(int quarter, const double* w, const double* re, const double* im, double* toRe, double* toIm) {
  for (int p = 0; p < quarter; p += 2) {
    const auto at = [&](int k) { return Complex{load(re + p + k * quarter), load(im + p + k * quarter)}; };
    const auto factor = [&](int k) { return Complex{load(w + 2 * (k - 1) * quarter + p), load(w + (2 * k - 1) * quarter + p)}; };
    const Four r = four(at(0), at(1), at(2), at(3));
    const Complex y1 = r.sums[1] * factor(1), y2 = r.sums[2] * factor(2), y3 = r.sums[3] * factor(3);
    double *const x = toRe + 4 * p, *const y = toIm + 4 * p;
    store(x, firsts(r.sums[0].re, y1.re)), store(y, firsts(r.sums[0].im, y1.im));
    store(x + 2, firsts(y2.re, y3.re)), store(y + 2, firsts(y2.im, y3.im));
    store(x + 4, seconds(r.sums[0].re, y1.re)), store(y + 4, seconds(r.sums[0].im, y1.im));
    store(x + 6, seconds(y2.re, y3.re)), store(y + 6, seconds(y2.im, y3.im));
  }
}

// Stages after it: `stride` neighbours have the same factors, and the first ones' are all 1.
INLINE void stage(int quarter, int stride, const double* w, const double* re, const double* im, double* toRe, double* toIm) {
  const auto neighbours = [&](int p, auto times) {
    for (int q = 0; q < stride; q += 2) {
      const auto at = [&](int k) {
        const int from = q + stride * (p + k * quarter);
        return Complex{load(re + from), load(im + from)};
      };
      const auto put = [&](int k, Complex value) {
        const int to = q + stride * (4 * p + k);
        store(toRe + to, value.re), store(toIm + to, value.im);
      };
      const Four r = four(at(0), at(1), at(2), at(3));
      put(0, r.sums[0]), put(1, times(r.sums[1], 1)), put(2, times(r.sums[2], 2)), put(3, times(r.sums[3], 3));
    }
  };
  neighbours(0, [](Complex value, int) { return value; });
  for (int p = 1; p < quarter; ++p) {
    const auto factor = [&](int k) { return Complex{both(w[2 * (k - 1) * quarter + p]), both(w[(2 * k - 1) * quarter + p])}; };
    const Complex factors[4] = {{}, factor(1), factor(2), factor(3)};
    neighbours(p, [&](Complex value, int k) { return value * factors[k]; });
  }
}

// The last stage of a size that is no power of four: sums and differences of the halves.
INLINE void last_pairs(int half, const double* re, const double* im, double* toRe, double* toIm) {
  for (int q = 0; q < half; q += 2) {
    const Complex a = {load(re + q), load(im + q)}, b = {load(re + q + half), load(im + q + half)};
    const Complex more = a + b, less = a - b;
    store(toRe + q, more.re), store(toIm + q, more.im);
    store(toRe + q + half, less.re), store(toIm + q + half, less.im);
  }
}

// X[k] = E[k] + exp(-2 pi i k / N) O[k], and |X|^2; X[k] and X[N/2-k] share their parts.
INLINE void real_power(const Setup& s, const double* re, const double* im) {
  const int half = s.size / 2;
  s.power[0] = (re[0] + im[0]) * (re[0] + im[0]);
  s.power[half] = (re[0] - im[0]) * (re[0] - im[0]);
  for (int k = 1, m = half - 1; k < m; k += 2, m -= 2) {
    const pair reK = load(re + k), imK = load(im + k), reM = swapped(load(re + m - 1)), imM = swapped(load(im + m - 1));
    const pair c = load(s.cos + k - 1), d = load(s.sin + k - 1), h = both(0.5);
    const pair evenR = (reK + reM) * h, evenI = (imK - imM) * h, oddR = (imK + imM) * h, oddI = (reM - reK) * h;
    const pair turnedR = oddR * c + oddI * d, turnedI = oddI * c - oddR * d;
    const pair r = evenR + turnedR, i = evenI + turnedI, mirrorR = evenR - turnedR, mirrorI = turnedI - evenI;
    store(s.power + k, r * r + i * i);
    store(s.power + m - 1, swapped(mirrorR * mirrorR + mirrorI * mirrorI));
  }
}

// The frame times its window, even samples as real and odd ones as imaginary parts, to its power spectrum.
INLINE void power_spectrum(const Setup& s) {
  const int half = s.size / 2;
  double *re = s.re, *im = s.im, *toRe = s.otherRe, *toIm = s.otherIm;
  for (int n = 0; n < half; n += 2) {
    const pair a = load(s.frame + 2 * n) * load(s.window + 2 * n), b = load(s.frame + 2 * n + 2) * load(s.window + 2 * n + 2);
    store(re + n, firsts(a, b)), store(im + n, seconds(a, b));
  }
  const double* w = s.factors;
  int stride = 1;
  for (int size = half; size >= 4; size /= 4, stride *= 4) {
    const int quarter = size / 4;
    if (stride == 1) {
      first_stage(quarter, w, re, im, toRe, toIm);
    } else {
      stage(quarter, stride, w, re, im, toRe, toIm);
    }
    w += 6 * quarter;
    double* other = re;
    re = toRe, toRe = other, other = im, im = toIm, toIm = other;
  }
  if (stride < half) {
    last_pairs(half / 2, re, im, toRe, toIm);
    re = toRe, im = toIm;
  }
  real_power(s, re, im);
}

INLINE void mel_bands(const Setup& s) {
  for (int band = 0; band < s.bands; ++band) {
    const double* x = s.power + s.first[band];
    pair total = {}, more = {};
    int at = s.offsets[band];
    const int end = s.offsets[band + 1];
    for (; at + 4 <= end; at += 4, x += 4) {
      total += load(s.weights + at) * load(x);
      more += load(s.weights + at + 2) * load(x + 2);
    }
    if (at < end) total += load(s.weights + at) * load(x);
    s.mel[band] = sum(total + more);
  }
}

// Offset, raw energy, pre-emphasis, window, spectrum, bands; returns the energy that was asked for.
extern "C" __attribute__((export_name("compute"))) double compute(const Setup* setup) {
  const Setup& s = *setup;
  double energy = 0;
  if (s.removeOffset) subtract_mean(s.frame, s.frameLength);
  if (s.energy == raw) energy = sum_of_squares(s.frame, s.frameLength);
  if (s.preEmphasis > 0) emphasize(s.frame, s.frameLength, s.preEmphasis);
  if (s.energy == windowed) energy = windowed_energy(s);
  power_spectrum(s);
  const int bins = s.size / 2 + 1;
  for (int k = 0; s.magnitude && k < bins; ++k) s.power[k] = __builtin_sqrt(s.power[k]);
  for (int k = 0; s.binFactor != 1 && k < bins; ++k) s.power[k] *= s.binFactor;
  for (int k = 0; s.energy == spectrum && k < bins; ++k) energy += s.power[k];
  mel_bands(s);
  return energy;
}
