// How fast the kernels are: matrix products beside the peak fed from L1, and whole training steps of a language model put together
// from kernels (ids -> table -> LSTM -> LSTM -> linear -> softmax cross entropy, all gradients, global norm, Adam), and characters
// generated one after the other with packed weights in float32, bf16 and int8.
//
// Build (x86-64; from native/), then run with optional arguments: threads, instruction set, seconds a measurement:
//
//   F="-std=c++17 -O3 -pthread -fno-math-errno -ffp-contract=fast -Ikernels"
//   g++ $F -mavx2 -mfma -c kernels/isa_avx2.cc -o /tmp/isa_avx2.o
//   A="-mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512"
//   g++ $F $A -c kernels/isa_avx512.cc -o /tmp/isa_avx512.o
//   g++ $F $A -mavx512bf16 -c kernels/isa_avx512_bf16.cc -o /tmp/isa_avx512_bf16.o
//   g++ $F bench/kernel_bench.cc $(ls kernels/*.cc | grep -v isa_avx) /tmp/isa_avx*.o -o /tmp/kernel_bench
//   /tmp/kernel_bench 2 avx512 1
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "decoder.h"
#include "kernels.h"

using namespace cadenza;

namespace {

double budget = 1.0;
bool processorTime = false;

// Seconds, of this thread's processor time with one thread (other programs then disturb less), else of the clock on the wall.
double now() {
  timespec t;
  clock_gettime(processorTime ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Timing {
  double best, median;
};
Timing measure(const std::function<void()>& f) {
  f();
  std::vector<double> times;
  const double start = now();
  do {
    const double before = now();
    f();
    times.push_back(now() - before);
  } while (now() - start < budget || times.size() < 3);
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

// A float buffer of the pool.
class Buffer {
 public:
  explicit Buffer(int64_t n, float scale = 0) : data_(static_cast<float*>(allocate(static_cast<size_t>(n) * sizeof(float)))), size(n) {
    static std::mt19937 generator(1);
    std::normal_distribution<float> normal(0, scale > 0 ? scale : 1);
    for (int64_t i = 0; i < n; ++i) data_[i] = scale > 0 ? normal(generator) : 0.0f;
  }
  ~Buffer() { deallocate(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  operator float*() { return data_; }

 private:
  float* data_;

 public:
  int64_t size;
};

void bench_gemm(ThreadPool& pool) {
  const Kernels& k = kernels();
  // The peak: tall products whose blocks never leave L1, one to a thread.
  const int64_t threads = pool.threads();
  Buffer a(threads * 32 * 160, 1), b(threads * 160 * 32, 1), c(threads * 32 * 32);
  constexpr int64_t repeats = 20000;
  const Timing peak = measure([&] {
    parallel_for(pool, threads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) k.l1Product(repeats, &a[n * 32 * 160], &b[n * 160 * 32], &c[n * 32 * 32]);
    });
  });
  const double top = static_cast<double>(k.l1Product(1, a, b, c)) * repeats * static_cast<double>(threads) / peak.best / 1e9;
  std::printf("peak fed from L1, %d threads: %.0f GFLOP/s\n", pool.threads(), top);
  std::printf("%-34s %12s %12s %8s\n", "product", "best GF/s", "median", "of peak");
  const auto run = [&](const char* name, int64_t m, int64_t n, int64_t depth, bool ta, bool tb) {
    Buffer x(m * depth, 1), y(depth * n, 1), z(m * n);
    GemmArguments g;
    g.m = m, g.n = n, g.k = depth, g.a = x, g.b = y, g.c = z;
    g.transposeA = ta, g.transposeB = tb, g.lda = ta ? m : depth, g.ldb = tb ? depth : n, g.ldc = n;
    const Timing t = measure([&] { k.gemm(pool, g); });
    const double work = 2.0 * static_cast<double>(m * n * depth) / 1e9;
    std::printf("%-16s %5ld %5ld %5ld %12.1f %12.1f %7.0f%%\n", name, static_cast<long>(m), static_cast<long>(n), static_cast<long>(depth),
                work / t.best, work / t.median, 100 * work / t.best / top);
  };
  run("square", 256, 256, 256, false, false);
  run("square", 512, 512, 512, false, false);
  run("square", 1024, 1024, 1024, false, false);
  run("square A'", 1024, 1024, 1024, true, false);
  run("square B'", 1024, 1024, 1024, false, true);
  run("square", 2048, 2048, 2048, false, false);
  run("inputs H256", 4096, 1024, 256, false, false);
  run("weights H256", 256, 1024, 4096, true, false);
  run("dx H256", 4096, 256, 1024, false, true);
  run("logits", 4096, 65, 256, false, false);
  run("dlogits B'", 4096, 256, 65, false, true);
  run("dlogits A'", 256, 65, 4096, true, false);
  for (int64_t m : {1, 4, 16, 64}) run("skinny", m, 1024, 512, false, false);
}

struct LanguageModel {
  int64_t B, T, H, V;
  int layers = 2;
};

struct Parameter {
  Buffer value, gradient, m, v;
  Parameter(int64_t n, float scale) : value(n, scale), gradient(n), m(n), v(n) {}
};

void bench_model(ThreadPool& pool, const char* name, const LanguageModel& model) {
  const Kernels& k = kernels();
  const int64_t B = model.B, T = model.T, H = model.H, V = model.V, N = B * T;
  const float scale = 1 / std::sqrt(static_cast<float>(H));
  Parameter table(V * 4 * H, 0.1f), u0(H * 4 * H, scale), b0(4 * H, 0.01f), w1(H * 4 * H, scale), u1(H * 4 * H, scale), b1(4 * H, 0.01f),
      w(H * V, scale), b(V, 0.01f);
  std::vector<Parameter*> parameters = {&table, &u0, &b0, &w1, &u1, &b1, &w, &b};
  Buffer y0(N * H), y1(N * H), gates0(N * 4 * H), gates1(N * 4 * H), cells0(N * H), cells1(N * H), logits(N * V), losses(N), normalizers(2 * N);
  Buffer dlogits(N * V), dy1(N * H), dy0(N * H), ones(N), state(B * H), h(B * H), c(B * H);
  for (int64_t n = 0; n < N; ++n) ones[n] = 1.0f / static_cast<float>(N);
  std::mt19937 generator(3);
  std::vector<int32_t> ids(static_cast<size_t>(N)), labels(ids.size());
  for (size_t n = 0; n < ids.size(); ++n) {
    ids[n] = static_cast<int32_t>(generator() % static_cast<unsigned>(V));
    labels[n] = (ids[n] * 7 + 1) % static_cast<int32_t>(V);
  }
  std::vector<std::pair<const char*, double>> parts;
  const auto timed = [&](const char* what, const std::function<void()>& f) {
    const double start = now();
    f();
    const double seconds = now() - start;
    for (auto& part : parts) {
      if (part.first == what) {
        part.second = std::min(part.second, seconds);
        return;
      }
    }
    parts.emplace_back(what, seconds);
  };
  double loss = 0;
  int step = 0;
  const auto train = [&] {
    LstmArguments l0, l1;
    l0.batch = l1.batch = B, l0.time = l1.time = T, l0.hidden = l1.hidden = H;
    l0.ids = ids.data(), l0.vocabulary = V, l0.kernel = table.value, l0.recurrentKernel = u0.value, l0.bias = b0.value;
    l1.x = y0, l1.input = H, l1.kernel = w1.value, l1.recurrentKernel = u1.value, l1.bias = b1.value;
    l0.h0 = l0.c0 = l1.h0 = l1.c0 = state;
    timed("lstm 0 forward", [&] { k.lstmForward(pool, l0, {y0, h, c, gates0, cells0}); });
    timed("lstm 1 forward", [&] { k.lstmForward(pool, l1, {y1, h, c, gates1, cells1}); });
    GemmArguments g;
    g.m = N, g.n = V, g.k = H, g.a = y1, g.lda = H, g.b = w.value, g.ldb = V, g.c = logits, g.ldc = V, g.bias = b.value;
    timed("logits", [&] { k.gemm(pool, g); });
    timed("softmax cross entropy", [&] {
      k.softmaxCrossEntropyForward(pool, logits, labels.data(), N, V, 0, losses, normalizers);
      k.softmaxCrossEntropyBackward(pool, logits, labels.data(), normalizers, ones, N, V, 0, dlogits);
    });
    loss = 0;
    for (int64_t n = 0; n < N; ++n) loss += losses[n];
    loss /= static_cast<double>(N);
    GemmArguments gy, gw;
    gy.m = N, gy.n = H, gy.k = V, gy.a = dlogits, gy.lda = V, gy.b = w.value, gy.ldb = V, gy.transposeB = true, gy.c = dy1, gy.ldc = H;
    gw.m = H, gw.n = V, gw.k = N, gw.a = y1, gw.lda = H, gw.transposeA = true, gw.b = dlogits, gw.ldb = V, gw.c = w.gradient, gw.ldc = V;
    timed("logits backward", [&] {
      k.gemm(pool, gy);
      k.gemm(pool, gw);
      k.reduce(pool, ReduceOperation::sum, dlogits, 1, N, V, b.gradient);
    });
    LstmGradients g1, g0;
    g1.y = y1, g1.gates = gates1, g1.cells = cells1, g1.dy = dy1, g1.dx = dy0;
    g1.dkernel = w1.gradient, g1.drecurrentKernel = u1.gradient, g1.dbias = b1.gradient;
    g0.y = y0, g0.gates = gates0, g0.cells = cells0, g0.dy = dy0;
    g0.dkernel = table.gradient, g0.drecurrentKernel = u0.gradient, g0.dbias = b0.gradient;
    timed("lstm 1 backward", [&] { k.lstmBackward(pool, l1, g1); });
    timed("lstm 0 backward", [&] { k.lstmBackward(pool, l0, g0); });
    timed("norm and Adam", [&] {
      double squares = 0;
      for (Parameter* p : parameters) squares += k.sumSquares(pool, p->gradient, p->gradient.size);
      ++step;
      for (Parameter* p : parameters) {
        AdamArguments a;
        a.size = p->value.size, a.parameter = a.parameterOut = p->value, a.gradient = p->gradient;
        a.m = a.mOut = p->m, a.v = a.vOut = p->v;
        a.gradientScale = std::min(1.0, 1.0 / std::sqrt(squares));
        a.biasCorrection1 = 1 - std::pow(0.9, step), a.biasCorrection2 = 1 - std::pow(0.999, step);
        k.adam(pool, a);
      }
    });
  };
  train();
  const double first = loss;
  const Timing t = measure(train);
  std::printf("%-8s batch %ld x %ld: %8.0f tokens/s best, %8.0f median  (loss %.4f -> %.4f in %d steps)\n", name, static_cast<long>(B),
              static_cast<long>(T), static_cast<double>(N) / t.best, static_cast<double>(N) / t.median, first, loss, step);
  for (const auto& part : parts) std::printf("    %-24s %7.3f ms\n", part.first, part.second * 1e3);
}

// A layer forward and backward over rows of many lengths, half the time on average, beside full rows.
void bench_lengths(ThreadPool& pool, int64_t B, int64_t T, int64_t H) {
  const Kernels& k = kernels();
  Buffer x(B * T * H, 1), w(H * 4 * H, 0.05f), u(H * 4 * H, 0.05f), bias(4 * H, 0.1f), y(B * T * H), gates(B * T * 4 * H), cells(B * T * H);
  Buffer dy(B * T * H, 1), dx(B * T * H), dw(H * 4 * H), du(H * 4 * H), dbias(4 * H), h(B * H), c(B * H);
  std::vector<int32_t> lengths(static_cast<size_t>(B));
  int64_t total = 0;
  for (int64_t b = 0; b < B; ++b) total += lengths[static_cast<size_t>(b)] = static_cast<int32_t>(1 + (b * 37 + 11) % B * (T - 1) / B);
  LstmArguments a;
  a.batch = B, a.time = T, a.input = a.hidden = H, a.x = x, a.kernel = w, a.recurrentKernel = u, a.bias = bias;
  LstmGradients g;
  g.y = y, g.gates = gates, g.cells = cells, g.dy = dy, g.dx = dx, g.dkernel = dw, g.drecurrentKernel = du, g.dbias = dbias;
  const auto train = [&](const int32_t* rows) {
    a.lengths = rows;
    k.lstmForward(pool, a, {y, h, c, gates, cells});
    k.lstmBackward(pool, a, g);
  };
  const Timing full = measure([&] { train(nullptr); }), some = measure([&] { train(lengths.data()); });
  std::printf("lstm %ld x %ld x %ld: %.2f ms, with %.0f%% of its steps %.2f ms, %.0f%% (medians)\n", static_cast<long>(B), static_cast<long>(T),
              static_cast<long>(H), full.median * 1e3, 100.0 * static_cast<double>(total) / static_cast<double>(B * T), some.median * 1e3,
              100 * some.median / full.median);
}

// A random matrix in one of the formats.
class Weights {
 public:
  Weights(int64_t rows, int64_t columns, WeightFormat format) : view_{format, rows, columns, nullptr, nullptr} {
    const size_t size = static_cast<size_t>(rows * columns);
    Buffer random(rows * columns, 1 / std::sqrt(static_cast<float>(rows)));
    values_.assign(static_cast<float*>(random), random + static_cast<int64_t>(size));
    view_.values = values_.data();
    if (format == WeightFormat::f32) return;
    scales_.assign(static_cast<size_t>(columns), 4 / std::sqrt(static_cast<float>(rows)) / 127);
    for (size_t i = 0; i < size; ++i) {
      uint32_t bits;
      std::memcpy(&bits, &values_[i], 4);
      halves_.push_back(static_cast<uint16_t>(bits >> 16));
      bytes_.push_back(static_cast<int8_t>(std::max(-127.0f, std::min(127.0f, std::round(values_[i] / scales_[0])))));
    }
    view_.values = halves_.data();
    if (format == WeightFormat::int8) view_.values = bytes_.data(), view_.scales = scales_.data();
  }
  const MatrixView& view() const { return view_; }

 private:
  MatrixView view_;
  std::vector<float> values_, scales_;
  std::vector<uint16_t> halves_;
  std::vector<int8_t> bytes_;
};

// Characters drawn from two LSTM layers, batch 1, in bursts short enough to be undisturbed on a busy machine.
void bench_generation(ThreadPool& pool, int64_t H, WeightFormat format, const char* name) {
  constexpr int64_t V = 65;
  const Weights embedding(V, H, format), k0(H, 4 * H, format), u0(H, 4 * H, format), k1(H, 4 * H, format), u1(H, 4 * H, format);
  const Weights output(H, V, format);
  const std::vector<float> bias(static_cast<size_t>(4 * H), 0.1f);
  const auto decoder = std::make_shared<Decoder>(V, false);
  decoder->embedding(embedding.view());
  DecoderLayerView layer;
  layer.units = H, layer.bias = bias.data();
  layer.kernel = k0.view(), layer.recurrentKernel = u0.view();
  decoder->layer(pool, layer);
  layer.kernel = k1.view(), layer.recurrentKernel = u1.view();
  decoder->layer(pool, layer);
  decoder->output(output.view(), nullptr);
  DecoderSession session(decoder, 1);
  const int64_t count = H <= 256 ? 500 : 50;
  std::vector<double> uniforms, logProbabilities(static_cast<size_t>(count));
  std::mt19937 generator(3);
  for (int64_t n = 0; n < count; ++n) uniforms.push_back(static_cast<double>(generator()) / 4294967296.0);
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  SampleArguments a;
  a.count = count, a.uniforms = uniforms.data(), a.milliseconds = INFINITY;
  a.tokens = tokens.data(), a.logProbabilities = logProbabilities.data();
  const Timing t = measure([&] { session.sample(pool, a); });
  const double drawn = static_cast<double>(count);
  std::printf("generation 2 x %-4ld %-5s batch 1: %8.0f characters/s best, %8.0f median\n", static_cast<long>(H), name, drawn / t.best,
              drawn / t.median);
}

}  // namespace

int main(int argc, char** argv) {
  ThreadPool pool(argc > 1 ? std::atoi(argv[1]) : 0);
  if (argc > 2 && !set_isa(argv[2])) {
    std::fprintf(stderr, "This CPU has no %s\n", argv[2]);
    return 2;
  }
  if (argc > 3) budget = std::atof(argv[3]);
  processorTime = pool.threads() == 1;
  std::printf("%s, %d threads, %s time\n", kernels().isa, pool.threads(), processorTime ? "processor" : "wall");
  const std::string only = argc > 4 ? argv[4] : "";
  if (only.empty() || only == "gemm") bench_gemm(pool);
  if (only.empty() || only == "steps") {
    for (int64_t H : {128, 512}) {
      bench_generation(pool, H, WeightFormat::f32, "f32");
      bench_generation(pool, H, WeightFormat::bf16, "bf16");
      bench_generation(pool, H, WeightFormat::int8, "int8");
    }
  }
  if (only.empty() || only == "lengths") {
    for (int64_t H : {128, 256, 512}) bench_lengths(pool, 64, 64, H);
  }
  const std::pair<const char*, LanguageModel> models[] = {
      {"lm-h128", {50, 50, 128, 65}}, {"lm-h256", {64, 64, 256, 65}}, {"lm-h512", {64, 128, 512, 65}}, {"lm-h768", {32, 64, 768, 65}}};
  for (const auto& [name, model] : models) {
    if (only.empty() || only == name) bench_model(pool, name, model);
  }
  return 0;
}
