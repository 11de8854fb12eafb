// Vectors of float32 for the instruction set that this file is compiled for: GCC and clang vector extensions, with intrinsics
// only where those fall short. Included inside namespace cadenza::CADENZA_ISA.
//
// Everything here is static or always inlined: an inline function shared between files of different instruction sets could be
// kept in the version that the CPU cannot run.

#define CADENZA_INLINE static inline __attribute__((always_inline))
#define CADENZA_METHOD inline __attribute__((always_inline))

#if defined(__AVX512F__)
constexpr int VW = 16;  // floats in a vector
#elif defined(__AVX2__)
constexpr int VW = 8;
#else
constexpr int VW = 4;
#endif

typedef float vf __attribute__((vector_size(VW * 4)));
typedef int32_t vi __attribute__((vector_size(VW * 4)));
typedef uint32_t vu __attribute__((vector_size(VW * 4)));
// The same without the promise of alignment, for loads and stores.
typedef float vfu __attribute__((vector_size(VW * 4), aligned(4), may_alias));
typedef int32_t viu __attribute__((vector_size(VW * 4), aligned(4), may_alias));

CADENZA_INLINE vf load(const float* p) { return *reinterpret_cast<const vfu*>(p); }
CADENZA_INLINE void store(float* p, vf v) { *reinterpret_cast<vfu*>(p) = v; }
CADENZA_INLINE vi load_int(const int32_t* p) { return *reinterpret_cast<const viu*>(p); }
CADENZA_INLINE void store_int(int32_t* p, vi v) { *reinterpret_cast<viu*>(p) = v; }

CADENZA_INLINE vf splat(float s) {
#if defined(__AVX512F__)
  return _mm512_set1_ps(s);
#elif defined(__AVX2__)
  return _mm256_set1_ps(s);
#else
  return vf{s, s, s, s};
#endif
}
CADENZA_INLINE vf zero() { return splat(0.0f); }

#if defined(__wasm__)
// Tails are many and seldom: a call each keeps the module, which is downloaded, small.
#define CADENZA_TAIL static __attribute__((noinline))
#else
#define CADENZA_TAIL CADENZA_INLINE
#endif

// The first n (0..VW) elements; the others are 0.
CADENZA_TAIL vf load_part(const float* p, int64_t n) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
#else
  alignas(64) float t[VW] = {};
  for (int64_t j = 0; j < n; ++j) t[j] = p[j];
  return load(t);
#endif
}
CADENZA_TAIL void store_part(float* p, vf v, int64_t n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
#else
  alignas(64) float t[VW];
  store(t, v);
  for (int64_t j = 0; j < n; ++j) p[j] = t[j];
#endif
}
CADENZA_INLINE vf load_n(const float* p, int64_t n) { return n >= VW ? load(p) : load_part(p, n); }
CADENZA_INLINE void store_n(float* p, vf v, int64_t n) {
  if (n >= VW) {
    store(p, v);
  } else {
    store_part(p, v, n);
  }
}

// As in IEEE comparisons: a NaN in a gives a (so that NaN propagates when the limit stands second).
#if defined(__wasm_simd128__)
// The compiler would take min and max, which WebAssembly defines for NaN and zeros in a way that costs several instructions.
CADENZA_INLINE vf at_most(vf a, vf limit) { return __builtin_wasm_pmin_f32x4(a, limit); }
CADENZA_INLINE vf at_least(vf a, vf limit) { return __builtin_wasm_pmax_f32x4(a, limit); }
#else
CADENZA_INLINE vf at_most(vf a, vf limit) { return a > limit ? limit : a; }
CADENZA_INLINE vf at_least(vf a, vf limit) { return a < limit ? limit : a; }
#endif
CADENZA_INLINE vf absolute(vf a) { return (vf)((vu)a & 0x7fffffffu); }

CADENZA_INLINE vf square_root(vf a) {
#if defined(__AVX512F__)
  return _mm512_sqrt_ps(a);
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(a);
#elif defined(__aarch64__)
  return (vf)vsqrtq_f32((float32x4_t)a);
#elif defined(__SSE2__)
  return (vf)_mm_sqrt_ps((__m128)a);
#else
  vf r;
  for (int j = 0; j < VW; ++j) r[j] = __builtin_sqrtf(a[j]);
  return r;
#endif
}

// Sums and maxima over the lanes, always in the same order.
CADENZA_INLINE float sum_lanes(vf v) {
  alignas(64) float t[VW];
  store(t, v);
  for (int width = VW / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; ++j) t[j] += t[j + width];
  }
  return t[0];
}
CADENZA_INLINE float max_lanes(vf v) {
  alignas(64) float t[VW];
  store(t, v);
  for (int j = 1; j < VW; ++j) {
    if (t[j] > t[0] || t[j] != t[j]) t[0] = t[j];
  }
  return t[0];
}

// Vectors of float64, half as many numbers; in memory they are float32.
typedef double vd __attribute__((vector_size(VW * 4)));
constexpr int DW = VW / 2;
typedef float vh __attribute__((vector_size(DW * 4)));

CADENZA_INLINE vd splat_double(double s) { return vd{} + s; }
CADENZA_INLINE vd load_wide(const float* p) {
  vh v;
  __builtin_memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, vd);
}
CADENZA_INLINE void store_narrow(float* p, vd v) {
  const vh narrow = __builtin_convertvector(v, vh);
  __builtin_memcpy(p, &narrow, sizeof narrow);
}
CADENZA_INLINE double sum_double_lanes(vd v) {
  double sum = v[0];
  for (int j = 1; j < DW; ++j) sum += v[j];
  return sum;
}

CADENZA_INLINE void prefetch(const void* p) { __builtin_prefetch(p, 0, 3); }
CADENZA_INLINE void prefetch_outer(const void* p) { __builtin_prefetch(p, 0, 2); }  // as far as L2

// exp: x = n ln2 + r with |r| <= ln2 / 2, exp(x) = 2^n (1 + p), p = r + r^2 q(r). The coefficients of q are a minimax fit of
// expm1 on that interval (error 3e-9 before rounding).
struct ExpParts {
  vf n;  // a whole number, biased by the magic constant below
  vf p;  // exp(r) - 1
};
constexpr float expMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number

CADENZA_INLINE ExpParts exp_parts(vf x) {
  const vf magic = splat(expMagic);
  const vf biased = x * splat(1.44269504f) + magic;
  const vf n = biased - magic;
  vf r = x - n * splat(0.693145752f);
  r = r - n * splat(1.42860677e-6f);
  vf q = splat(0.00139504916f);
  q = q * r + splat(0.0083688898f);
  q = q * r + splat(0.041666206f);
  q = q * r + splat(0.166665182f);
  q = q * r + splat(0.5f);
  return {biased, q * (r * r) + r};
}
// 2^n for n in [-126, 127] from the biased n.
CADENZA_INLINE vf power_of_two(vf biased) { return (vf)(((vu)biased << 23) + 0x3f800000u); }

// exp for gates: exact to about 1 ulp in [-87, 88], clamped outside, NaN stays NaN.
CADENZA_INLINE vf exp_clamped(vf x) {
  x = at_least(at_most(x, splat(88.0f)), splat(-87.0f));
  const ExpParts e = exp_parts(x);
  const vf scale = power_of_two(e.n);
  return e.p * scale + scale;
}

// exp over the whole range: overflow gives infinity, underflow denormals and 0, NaN stays NaN.
CADENZA_INLINE vf exp_full(vf x) {
  const vf c = at_least(at_most(x, splat(100.0f)), splat(-110.0f));
  const ExpParts e = exp_parts(c);
  const vi n = (vi)((vu)e.n - 0x4b400000u);
  const vi half = n >> 1;
  const vf s1 = (vf)((vu)(half + 127) << 23);
  const vf s2 = (vf)((vu)(n - half + 127) << 23);
  return (e.p * s1 + s1) * s2;
}

CADENZA_INLINE vf sigmoid(vf x) { return splat(1.0f) / (splat(1.0f) + exp_clamped(-x)); }

// tanh(x) = E / (E + 2) with E = expm1(2x): exact near 0 too.
CADENZA_INLINE vf tanh(vf x) {
  const vf y = at_least(at_most(x + x, splat(40.0f)), splat(-40.0f));
  const ExpParts e = exp_parts(y);
  const vf scale = power_of_two(e.n);
  const vf expm1 = e.p * scale + (scale - splat(1.0f));
  return expm1 / (expm1 + splat(2.0f));
}
