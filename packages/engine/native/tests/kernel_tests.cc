// Tests of the kernels against naive references in double, for every instruction set that this CPU runs. Prints one line for
// each failure and, last, the number of checks; the exit code is 1 when one failed. scripts/testTargets.mjs builds and runs them
// for this and other processors, compilers and sanitizers. Options:
//
//   --quick              fewer sizes
//   --isa=avx2,baseline  these instruction sets only
//   gemm recurrent ...   these tests only
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "attention_tests.h"
#include "checks.h"
#include "ctc_tests.h"
#include "decoder_tests.h"
#include "kernels.h"

using namespace cadenza;

namespace {

std::mt19937 generator(7);

// With bf16 operands, random numbers are given the bits of bf16, so that a single product is as exact as in float32; what goes
// through several products may differ by `slack` times as much.
bool bf16 = false;
double slack = 1;

Floats random_floats(int64_t n, float scale = 1.0f) {
  std::normal_distribution<float> normal(0, scale);
  Floats v(static_cast<size_t>(n));
  for (float& x : v) {
    x = normal(generator);
    if (!bf16) continue;
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    bits &= 0xffff0000u;
    std::memcpy(&x, &bits, 4);
  }
  return v;
}
Floats random_mask(int64_t n, float rate, float kept) {
  Floats v(static_cast<size_t>(n));
  for (float& x : v) x = std::uniform_real_distribution<float>(0, 1)(generator) < rate ? 0.0f : kept;
  return v;
}
std::vector<int32_t> random_ids(int64_t n, int limit) {
  std::vector<int32_t> v(static_cast<size_t>(n));
  for (int32_t& x : v) x = static_cast<int32_t>(generator() % static_cast<unsigned>(limit));
  return v;
}
Doubles widen(const Floats& v) { return Doubles(v.begin(), v.end()); }

// |a - b| <= tolerance * (1 + |b|) everywhere; NaN equals NaN.
template <typename A, typename B>
void close(const A& a, const B& b, double tolerance, const char* name) {
  if (a.size() != b.size()) return check(false, "%s: %zu and %zu elements", name, a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    const bool same = x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= slack * tolerance * (1 + std::fabs(y));
    if (!same) return check(false, "%s[%zu] is %.9g, expected %.9g", name, i, x, y);
  }
  check(true, "");
}
void identical(const Floats& a, const Floats& b, const char* name) {
  check(a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0), "%s differs between runs", name);
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// ---------------------------------------------------------------------------------------------------------------------------
// Recurrent layers: one readable reference for all three, in double, and gradients by finite differences of it.

enum class Cell { lstm, gru, gruBefore, rnnTanh, rnnRelu };

struct Layer {
  Cell cell = Cell::lstm;
  int B = 0, T = 0, D = 0, H = 0;
  bool ids = false, reverse = false, bias = true;
  int V = 0;
  Doubles x, kernel, recurrentKernel, biases, h0, c0;
  std::vector<int32_t> idValues, lengths;
  Doubles recurrentMask, maskH, maskC;
  Doubles normInput, normRecurrent;  // [2,W]: gain and bias of layer norms
  Doubles normCell, projection;      // [2,H] and [H,P], of the LSTM
  int P = 0;                         // the projection's width, or 0
  double rateH = 0, rateC = 0;

  int width() const { return P > 0 ? P : H; }
  int gates() const { return cell == Cell::lstm ? 4 : cell == Cell::gru || cell == Cell::gruBefore ? 3 : 1; }
};

struct States {
  Doubles y, h, c;
};

// `count` elements from `first` on become gain (x - mean) / sqrt(variance + 1e-5) + bias.
void normalise(Doubles& x, size_t first, size_t count, const Doubles& norm) {
  if (norm.empty()) return;
  double mean = 0, variance = 0;
  for (size_t i = first; i < first + count; ++i) mean += x[i] / static_cast<double>(count);
  for (size_t i = first; i < first + count; ++i) variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(count);
  for (size_t i = first; i < first + count; ++i) x[i] = norm[i] * (x[i] - mean) / std::sqrt(variance + 1e-5) + norm[norm.size() / 2 + i];
}

States reference(const Layer& l) {
  const int B = l.B, T = l.T, D = l.D, H = l.H, G = l.gates(), W = G * H, P = l.width();
  States s{Doubles(static_cast<size_t>(B * T * P)), l.h0, l.c0};
  s.h.resize(static_cast<size_t>(B * P));
  s.c.resize(static_cast<size_t>(B * H));
  for (int b = 0; b < B; ++b) {
    for (int n = 0; n < T; ++n) {
      const int t = l.reverse ? T - 1 - n : n;
      if (!l.lengths.empty() && t >= l.lengths[b]) continue;
      double* h = &s.h[b * P];
      double* c = &s.c[b * H];
      Doubles masked(h, h + P), in(W), rec(W), next(H), inner(H), open(H);
      if (!l.recurrentMask.empty()) {
        for (int j = 0; j < P; ++j) masked[j] *= l.recurrentMask[b * P + j];
      }
      for (int w = 0; w < W; ++w) {
        if (l.ids) {
          in[w] = l.kernel[l.idValues[b * T + t] * W + w];
        } else {
          for (int d = 0; d < D; ++d) in[w] += l.x[(b * T + t) * D + d] * l.kernel[d * W + w];
        }
        for (int j = 0; j < P; ++j) rec[w] += masked[j] * l.recurrentKernel[j * W + w];
      }
      normalise(in, 0, W, l.normInput);
      normalise(rec, 0, l.cell == Cell::gruBefore ? 2 * H : W, l.normRecurrent);
      for (int w = 0; w < W && l.bias; ++w) {
        in[w] += l.biases[w];
        if (l.cell == Cell::gru) rec[w] += l.biases[W + w];
      }
      if (l.cell == Cell::gruBefore) {
        Doubles reset(H);
        for (int j = 0; j < H; ++j) reset[j] = masked[j] * sigmoid(in[H + j] + rec[H + j]), rec[2 * H + j] = 0;
        for (int k = 0; k < H; ++k) {
          for (int j = 0; j < H; ++j) rec[2 * H + j] += reset[k] * l.recurrentKernel[k * W + 2 * H + j];
        }
        normalise(rec, 2 * H, H, l.normRecurrent);
      }
      for (int j = 0; j < H; ++j) {
        const auto sum = [&](int gate) { return in[gate * H + j] + rec[gate * H + j]; };
        if (l.cell == Cell::lstm) {
          const double i = sigmoid(sum(0)), f = sigmoid(sum(1)), g = std::tanh(sum(2)), o = sigmoid(sum(3));
          const double candidate = f * c[j] + i * g;
          const double stay = l.maskC.empty() ? l.rateC : l.maskC[(b * T + t) * H + j];
          c[j] = stay * c[j] + (1 - stay) * candidate;
          inner[j] = candidate, open[j] = o;
        } else if (l.cell == Cell::gru) {
          const double z = sigmoid(sum(0)), r = sigmoid(sum(1)), n1 = std::tanh(in[2 * H + j] + r * rec[2 * H + j]);
          next[j] = z * h[j] + (1 - z) * n1;
        } else if (l.cell == Cell::gruBefore) {
          const double z = sigmoid(sum(0)), n1 = std::tanh(sum(2));
          next[j] = z * h[j] + (1 - z) * n1;
        } else {
          next[j] = l.cell == Cell::rnnTanh ? std::tanh(sum(0)) : std::max(0.0, sum(0));
        }
      }
      if (l.cell == Cell::lstm) {
        normalise(inner, 0, H, l.normCell);
        for (int j = 0; j < H; ++j) next[j] = open[j] * std::tanh(inner[j]);
      }
      if (l.P > 0) {
        const Doubles whole = next;
        next.assign(static_cast<size_t>(P), 0);
        for (int k = 0; k < H; ++k) {
          for (int j = 0; j < P; ++j) next[j] += whole[k] * l.projection[k * P + j];
        }
      }
      for (int j = 0; j < P; ++j) {
        const double stay = l.maskH.empty() ? l.rateH : l.maskH[(b * T + t) * P + j];
        h[j] = stay * h[j] + (1 - stay) * next[j];
        s.y[(b * T + t) * P + j] = h[j];
      }
    }
  }
  return s;
}

struct Results {
  Floats y, h, c, dx, dkernel, drecurrentKernel, dbias, dh0, dc0, dnormInput, dnormRecurrent, dnormCell, dprojection;
};

Floats narrow(const Doubles& v) { return Floats(v.begin(), v.end()); }
const float* pointer(const Floats& v) { return v.empty() ? nullptr : v.data(); }

// Runs the kernels forward and backward.
Results run(ThreadPool& pool, const Layer& l, const Doubles& dyD, const Doubles& dhD, const Doubles& dcD, bool packed, bool step,
            const Kernels& k = kernels()) {
  const int64_t B = l.B, T = l.T, D = l.D, H = l.H, W = l.gates() * H, rows = l.ids ? l.V : D, P = l.width();
  const Floats x = narrow(l.x), kernel = narrow(l.kernel), recurrent = narrow(l.recurrentKernel), bias = narrow(l.biases);
  const Floats h0 = narrow(l.h0), c0 = narrow(l.c0), mask = narrow(l.recurrentMask), maskH = narrow(l.maskH), maskC = narrow(l.maskC);
  const Floats dy = narrow(dyD), dh = narrow(dhD), dc = narrow(dcD);
  const auto sized = [](int64_t n) { return Floats(static_cast<size_t>(n), std::nanf("")); };
  Results r{sized(B * T * P), sized(B * P), sized(B * H), sized(l.ids ? 0 : B * T * D), sized(rows * W), sized(P * W),
            sized(l.cell == Cell::gru ? 2 * W : W), sized(B * P), sized(B * H), sized(2 * W), sized(2 * W), sized(2 * H), sized(H * P)};
  Floats gates = sized(T * B * 4 * H), cells = sized(T * B * H), extra = sized(l.normRecurrent.empty() ? 0 : T * B * 4 * H);
  PackedWeights* weights = nullptr;
  const Floats normInput = narrow(l.normInput), normRecurrent = narrow(l.normRecurrent);
  const Floats normCell = narrow(l.normCell), projection = narrow(l.projection);
  const auto norms = [&](auto& a) {
    a.normInput = pointer(normInput);
    a.normRecurrent = pointer(normRecurrent);
  };
  const auto norm_gradients = [&](auto& g) {
    g.dnormInput = r.dnormInput.data();
    g.dnormRecurrent = r.dnormRecurrent.data();
  };
  const auto common = [&](auto& a) {
    a.batch = B, a.time = T, a.input = D, a.hidden = H, a.vocabulary = l.V;
    a.x = l.ids ? nullptr : x.data();
    a.ids = l.ids ? l.idValues.data() : nullptr;
    a.kernel = kernel.data();
    a.recurrentKernel = recurrent.data();
    a.bias = l.bias ? bias.data() : nullptr;
    a.h0 = pointer(h0);
    a.lengths = l.lengths.empty() ? nullptr : l.lengths.data();
    a.recurrentMask = pointer(mask);
    a.zoneoutMaskH = pointer(maskH);
    a.zoneoutH = static_cast<float>(l.rateH);
    a.reverse = l.reverse;
  };
  const auto gradients = [&](auto& g) {
    g.y = r.y.data();
    g.dy = dy.data();
    g.dhLast = dh.data();
    g.dx = l.ids ? nullptr : r.dx.data();
    g.dkernel = r.dkernel.data();
    g.drecurrentKernel = r.drecurrentKernel.data();
    g.dbias = r.dbias.data();
    g.dh0 = r.dh0.data();
  };
  if (l.cell == Cell::lstm) {
    LstmArguments a;
    common(a);
    norms(a);
    a.normCell = pointer(normCell);
    a.projection = pointer(projection);
    a.projected = l.P;
    const bool plain = projection.empty() && normInput.empty() && normRecurrent.empty() && normCell.empty();
    a.c0 = pointer(c0);
    a.zoneoutMaskC = pointer(maskC);
    a.zoneoutC = static_cast<float>(l.rateC);
    LstmArguments forward = a;
    if (packed && plain) {
      weights = k.packLstm(pool, D, H, l.ids ? nullptr : kernel.data(), recurrent.data());
      forward.packed = weights;
      forward.recurrentKernel = nullptr;
      if (!l.ids) forward.kernel = nullptr;
    }
    LstmOutputs o{r.y.data(), r.h.data(), r.c.data(), step ? nullptr : gates.data(), step ? nullptr : cells.data(),
                  step || extra.empty() ? nullptr : extra.data()};
    k.lstmForward(pool, forward, o);
    if (!step) {
      LstmGradients g;
      gradients(g);
      norm_gradients(g);
      g.dnormCell = r.dnormCell.data();
      g.dprojection = r.dprojection.data();
      g.extra = pointer(extra);
      g.gates = gates.data();
      g.cells = cells.data();
      g.dcLast = dc.data();
      g.dc0 = r.dc0.data();
      k.lstmBackward(pool, a, g);
    }
  } else if (l.cell == Cell::gru || l.cell == Cell::gruBefore) {
    GruArguments a;
    common(a);
    norms(a);
    a.resetAfter = l.cell == Cell::gru;
    GruArguments forward = a;
    if (packed) {
      weights = k.packGru(pool, a.resetAfter, H, recurrent.data());
      forward.packed = weights;
      forward.recurrentKernel = nullptr;
    }
    k.gruForward(pool, forward, {r.y.data(), r.h.data(), step ? nullptr : gates.data()});
    if (!step) {
      GruGradients g;
      gradients(g);
      norm_gradients(g);
      g.gates = gates.data();
      k.gruBackward(pool, a, g);
    }
  } else {
    RnnArguments a;
    common(a);
    norms(a);
    a.activation = l.cell == Cell::rnnTanh ? Activation::tanh : Activation::relu;
    RnnArguments forward = a;
    if (packed) {
      weights = k.packRnn(pool, H, recurrent.data());
      forward.packed = weights;
      forward.recurrentKernel = nullptr;
    }
    k.rnnForward(pool, forward, {r.y.data(), r.h.data(), step ? nullptr : cells.data()});
    if (!step) {
      RnnGradients g;
      gradients(g);
      norm_gradients(g);
      g.reserve = cells.data();
      k.rnnBackward(pool, a, g);
    }
  }
  free_packed_weights(weights);
  return r;
}

// The gradient of sum(y dy) + sum(h dh) + sum(c dc) with respect to some entries of `parameter`, by central differences.
void differences(Layer& l, Doubles& parameter, const Floats& gradient, const Doubles& dy, const Doubles& dh, const Doubles& dc,
                 const char* name) {
  if (parameter.empty()) return;
  const auto loss = [&] {
    const States s = reference(l);
    double total = 0;
    for (size_t i = 0; i < dy.size(); ++i) total += s.y[i] * dy[i];
    for (size_t i = 0; i < dh.size(); ++i) total += s.h[i] * dh[i];
    if (l.cell == Cell::lstm) {
      for (size_t i = 0; i < dc.size(); ++i) total += s.c[i] * dc[i];
    }
    return total;
  };
  const size_t probes = std::min<size_t>(parameter.size(), 24);
  for (size_t n = 0; n < probes; ++n) {
    const size_t i = n * (parameter.size() - 1) / std::max<size_t>(probes - 1, 1);
    const double keep = parameter[i], step = 1e-6;
    parameter[i] = keep + step;
    const double above = loss();
    parameter[i] = keep - step;
    const double below = loss();
    parameter[i] = keep;
    const double expected = (above - below) / (2 * step);
    // float32 sums of some hundred terms
    check(std::fabs(gradient[i] - expected) <= slack * 2e-4 * (1 + std::fabs(expected)), "d%s[%zu] is %g, differences give %g", name, i,
          gradient[i], expected);
  }
}

Layer make_layer(Cell cell, int B, int T, int D, int H) {
  Layer l;
  l.cell = cell, l.B = B, l.T = T, l.D = D, l.H = H;
  const int W = l.gates() * H;
  const float scale = 1.0f / std::sqrt(static_cast<float>(H));
  l.x = widen(random_floats(B * T * D));
  l.kernel = widen(random_floats(D * W, 1.0f / std::sqrt(static_cast<float>(D))));
  l.recurrentKernel = widen(random_floats(H * W, scale));
  l.biases = widen(random_floats(cell == Cell::gru ? 2 * W : W, 0.3f));
  if (bf16 && cell == Cell::rnnRelu) {
    // Away from relu's kink, where a rounded operand would flip the slope, and without growth from step to step.
    for (double& u : l.recurrentKernel) u /= 4;
    for (size_t i = 0; i < l.biases.size(); ++i) l.biases[i] = i % 2 ? 4 : -4;
  }
  l.h0 = widen(random_floats(B * H, 0.5f));
  l.c0 = widen(random_floats(B * H, 0.5f));
  return l;
}

void test_layer(Layer l, const std::string& name) {
  const std::string outer = context;
  context += " " + name;
  const double usual = slack;
  // Norms divide rounded products by their deviation.
  if (bf16 && (!l.normInput.empty() || !l.normRecurrent.empty() || !l.normCell.empty())) slack *= 2.5;
  const Doubles dy = widen(random_floats(l.B * l.T * l.width())), dh = widen(random_floats(l.B * l.width())), dc = widen(random_floats(l.B * l.H));
  ThreadPool two(2), one(1), three(3);
  const States expected = reference(l);
  const Results r = run(two, l, dy, dh, dc, false, false);
  close(r.y, expected.y, 3e-5, "y");
  close(r.h, expected.h, 3e-5, "h");
  if (l.cell == Cell::lstm) close(r.c, expected.c, 3e-5, "c");
  differences(l, l.kernel, r.dkernel, dy, dh, dc, "kernel");
  differences(l, l.recurrentKernel, r.drecurrentKernel, dy, dh, dc, "recurrentKernel");
  if (l.bias) differences(l, l.biases, r.dbias, dy, dh, dc, "bias");
  differences(l, l.h0, r.dh0, dy, dh, dc, "h0");
  if (l.cell == Cell::lstm) differences(l, l.c0, r.dc0, dy, dh, dc, "c0");
  if (!l.ids) differences(l, l.x, r.dx, dy, dh, dc, "x");
  differences(l, l.normInput, r.dnormInput, dy, dh, dc, "normInput");
  differences(l, l.normRecurrent, r.dnormRecurrent, dy, dh, dc, "normRecurrent");
  differences(l, l.normCell, r.dnormCell, dy, dh, dc, "normCell");
  differences(l, l.projection, r.dprojection, dy, dh, dc, "projection");
  for (ThreadPool* pool : {&one, &three, &two}) {
    const Results again = run(*pool, l, dy, dh, dc, false, false);
    identical(again.y, r.y, "y");
    identical(again.dkernel, r.dkernel, "dkernel");
    identical(again.drecurrentKernel, r.drecurrentKernel, "drecurrentKernel");
    identical(again.dbias, r.dbias, "dbias");
    identical(again.dh0, r.dh0, "dh0");
    identical(again.dx, r.dx, "dx");
    if (!l.normInput.empty()) identical(again.dnormInput, r.dnormInput, "dnormInput");
    if (!l.normRecurrent.empty()) identical(again.dnormRecurrent, r.dnormRecurrent, "dnormRecurrent");
    if (!l.normCell.empty()) identical(again.dnormCell, r.dnormCell, "dnormCell");
    if (!l.projection.empty()) identical(again.dprojection, r.dprojection, "dprojection");
  }
  const Results light = run(two, l, dy, dh, dc, true, true);
  close(light.y, expected.y, 3e-5, "y without reserve, weights packed");
  close(light.h, expected.h, 3e-5, "h without reserve, weights packed");
  slack = usual;
  context = outer;
}

// Two layers as two tasks of a pool, which they are given to work with, are what they are one after the other.
void test_side_by_side(Cell cell, const char* name, int B, int T, int D, int H) {
  const std::string outer = context;
  context += std::string(" ") + name + " side by side";
  Layer layers[2] = {make_layer(cell, B, T, D, H), make_layer(cell, B, T, D, H)};
  layers[1].reverse = true;
  const Doubles dy = widen(random_floats(B * T * H)), dh = widen(random_floats(B * H)), dc = widen(random_floats(B * H));
  ThreadPool two(2);
  const Kernels& chosen = kernels();  // of this thread; those of the pool chose none
  Results alone[2], together[2];
  for (int side = 0; side < 2; ++side) alone[side] = run(two, layers[side], dy, dh, dc, false, false);
  parallel_for(two, 2, 1, [&](int64_t begin, int64_t end) {
    for (int64_t side = begin; side < end; ++side) together[side] = run(two, layers[side], dy, dh, dc, false, false, chosen);
  });
  for (int side = 0; side < 2; ++side) {
    identical(together[side].y, alone[side].y, "y");
    identical(together[side].dx, alone[side].dx, "dx");
    identical(together[side].dkernel, alone[side].dkernel, "dkernel");
    identical(together[side].drecurrentKernel, alone[side].drecurrentKernel, "drecurrentKernel");
    identical(together[side].dh0, alone[side].dh0, "dh0");
  }
  context = outer;
}

// A step with packed weights gives a row the same among many rows as among few, whether the weights are there unpacked too or not.
void test_rows_of_a_step() {
  const std::string outer = context;
  context += " rows of a step";
  const int B = 70, few = 3, D = 40, H = 33;
  const Layer l = make_layer(Cell::lstm, B, 1, D, H);
  const Floats x = narrow(l.x), kernel = narrow(l.kernel), recurrent = narrow(l.recurrentKernel), bias = narrow(l.biases);
  const Floats h0 = narrow(l.h0), c0 = narrow(l.c0);
  ThreadPool two(2);
  PackedWeights* const weights = kernels().packLstm(two, D, H, kernel.data(), recurrent.data());
  const auto step = [&](int rows, bool unpacked) {
    LstmArguments a;
    a.batch = rows, a.time = 1, a.input = D, a.hidden = H;
    a.x = x.data();
    a.kernel = unpacked ? kernel.data() : nullptr;
    a.bias = bias.data();
    a.h0 = h0.data(), a.c0 = c0.data();
    a.packed = weights;
    Floats y(static_cast<size_t>(rows * H), std::nanf("")), h = y, c = y;
    kernels().lstmForward(two, a, {y.data(), h.data(), c.data(), nullptr, nullptr, nullptr});
    return y;
  };
  const Floats all = step(B, true);
  identical(step(few, true), Floats(all.begin(), all.begin() + few * H), "few rows");
  identical(step(B, false), all, "packed weights only");
  free_packed_weights(weights);
  context = outer;
}

// What stands in padded steps reaches nothing, whatever it is, and a row of a batch gives what it gives alone.
void test_padding(Cell cell, const char* name, bool reverse, bool norms) {
  const std::string outer = context;
  context += std::string(" ") + name + " padding" + (reverse ? " reverse" : "") + (norms ? " norms" : "");
  const int T = 11, D = 6, H = 35;
  Layer l = make_layer(cell, 7, T, D, H);
  l.reverse = reverse;
  l.lengths = {5, 11, 0, 8, 11, 5, 9};
  l.recurrentMask = widen(random_mask(l.B * H, 0.3f, 1 / 0.7f));
  l.maskH = widen(random_mask(l.B * T * H, 0.7f, 1.0f));
  if (norms) l.normInput = l.normRecurrent = widen(random_floats(2 * l.gates() * H));
  Doubles dy = widen(random_floats(l.B * T * H));
  const Doubles dh = widen(random_floats(l.B * H)), dc = widen(random_floats(l.B * H));
  ThreadPool one(1), two(2);
  const Results clean = run(one, l, dy, dh, dc, false, false);
  Layer poisoned = l;
  for (int b = 0; b < l.B; ++b) {
    for (int t = l.lengths[b]; t < T; ++t) {
      for (int j = 0; j < D; ++j) poisoned.x[(b * T + t) * D + j] = j % 2 ? std::nan("") : HUGE_VAL;
      for (int j = 0; j < H; ++j) poisoned.maskH[(b * T + t) * H + j] = dy[(b * T + t) * H + j] = std::nan("");
    }
  }
  for (ThreadPool* pool : {&one, &two}) {
    const Results r = run(*pool, poisoned, dy, dh, dc, false, false);
    identical(r.y, clean.y, "y");
    identical(r.h, clean.h, "h");
    identical(r.dx, clean.dx, "dx");
    identical(r.dkernel, clean.dkernel, "dkernel");
    identical(r.drecurrentKernel, clean.drecurrentKernel, "drecurrentKernel");
    identical(r.dbias, clean.dbias, "dbias");
    identical(r.dh0, clean.dh0, "dh0");
    if (!norms) continue;
    identical(r.dnormInput, clean.dnormInput, "dnormInput");
    identical(r.dnormRecurrent, clean.dnormRecurrent, "dnormRecurrent");
  }
  for (int b = 0; b < l.B; ++b) {
    const int length = l.lengths[b];
    if (length == 0) continue;
    Layer alone = l;
    alone.B = 1, alone.T = length, alone.lengths.clear();
    const auto part = [&](const Doubles& v, int width, int rows) {
      return v.empty() ? v : Doubles(v.begin() + b * width, v.begin() + b * width + rows);
    };
    alone.x = part(l.x, T * D, length * D);
    alone.h0 = part(l.h0, H, H), alone.c0 = part(l.c0, H, H);
    alone.recurrentMask = part(l.recurrentMask, H, H);
    alone.maskH = part(l.maskH, T * H, length * H);
    const Results r = run(one, alone, part(dy, T * H, length * H), part(dh, H, H), part(dc, H, H), false, false);
    const auto same = [&](const Floats& whole, const Floats& row, int width, const char* what) {
      identical(Floats(whole.begin() + b * width, whole.begin() + b * width + static_cast<int64_t>(row.size())), row, what);
      for (int i = static_cast<int>(row.size()); i < width; ++i) check(whole[b * width + i] == 0, "%s is not 0 in padding", what);
    };
    same(clean.y, r.y, T * H, "y of a row alone");
    same(clean.h, r.h, H, "h of a row alone");
    same(clean.dx, r.dx, T * D, "dx of a row alone");
    same(clean.dh0, r.dh0, H, "dh0 of a row alone");
    if (cell == Cell::lstm) same(clean.c, r.c, H, "c of a row alone");
    if (cell == Cell::lstm) same(clean.dc0, r.dc0, H, "dc0 of a row alone");
  }
  context = outer;
}

void test_recurrent() {
  const std::pair<Cell, const char*> cells[] = {{Cell::lstm, "lstm"},
                                                {Cell::gru, "gru"},
                                                {Cell::gruBefore, "gru resetBefore"},
                                                {Cell::rnnTanh, "rnn tanh"},
                                                {Cell::rnnRelu, "rnn relu"}};
  const int sizes[][4] = {{2, 3, 4, 5}, {1, 1, 1, 1}, {7, 4, 3, 33}, {33, 2, 7, 16}, {3, 5, 65, 17}, {1, 3, 2, 64}};
  for (const auto& entry : cells) {
    const Cell cell = entry.first;
    const char* const name = entry.second;
    for (const auto& s : sizes) {
      if (quick && s[1] * s[3] > 100) continue;
      const std::string size = std::string(name) + " B=" + std::to_string(s[0]) + " T=" + std::to_string(s[1]) +
                               " D=" + std::to_string(s[2]) + " H=" + std::to_string(s[3]);
      test_layer(make_layer(cell, s[0], s[1], s[2], s[3]), size);
    }
    const auto variant = [&](const char* what, const std::function<void(Layer&)>& change, int H = 19) {
      Layer l = make_layer(cell, 5, 6, 4, H);
      change(l);
      test_layer(l, std::string(name) + " " + what);
    };
    const auto lengths = [](Layer& l) { l.lengths = {6, 3, 0, 5, 1}; };
    const auto ids = [](Layer& l) {
      l.ids = true;
      l.V = 11;
      l.x.clear();
      l.idValues = random_ids(l.B * l.T, l.V);
      l.kernel = widen(random_floats(l.V * l.gates() * l.H));
    };
    const auto masks = [](Layer& l) {
      l.maskH = widen(random_mask(l.B * l.T * l.width(), 0.7f, 1.0f));
      if (l.cell == Cell::lstm) l.maskC = widen(random_mask(l.B * l.T * l.H, 0.6f, 1.0f));
    };
    const auto recurrent = [](Layer& l) { l.recurrentMask = widen(random_mask(l.B * l.width(), 0.3f, 1 / 0.7f)); };
    variant("reverse", [](Layer& l) { l.reverse = true; });
    variant("lengths", lengths);
    variant("lengths reverse", [&](Layer& l) { lengths(l), l.reverse = true; });
    variant("ids", ids);
    variant("ids lengths reverse", [&](Layer& l) {
      ids(l), lengths(l), l.reverse = true;
      l.idValues[2 * 6] = 1 << 30;  // a padded step's id may be anything
    });
    variant("no bias, no states", [](Layer& l) {
      l.bias = false, l.biases.clear(), l.h0.clear(), l.c0.clear();
      if (!bf16 || l.cell != Cell::rnnRelu) return;
      // Without the biases of make_layer the signs keep each unit on its side of relu's kink.
      for (double& x : l.x) x = std::fabs(x);
      for (Doubles* weights : {&l.kernel, &l.recurrentKernel}) {
        for (size_t i = 0; i < weights->size(); ++i) (*weights)[i] = std::copysign((*weights)[i], i % static_cast<size_t>(l.H) % 2 ? 1 : -1);
      }
    });
    variant("recurrent mask", recurrent);
    variant("zoneout masks", masks);
    variant("zoneout rates", [](Layer& l) { l.rateH = 0.3, l.rateC = l.cell == Cell::lstm ? 0.2 : 0; });
    const auto norms = [](Layer& l, bool input, bool recurrent) {
      const int64_t W = l.gates() * l.H;
      const auto norm = [&] {
        Doubles values = widen(random_floats(2 * W, 0.5f));
        for (int64_t w = 0; w < W; ++w) values[static_cast<size_t>(w)] += 1;
        return values;
      };
      if (input) l.normInput = norm();
      if (recurrent) l.normRecurrent = norm();
    };
    const auto project = [](Layer& l, int P) {
      l.P = P;
      l.projection = widen(random_floats(l.H * P, 1.0f / std::sqrt(static_cast<float>(l.H))));
      l.recurrentKernel = widen(random_floats(P * 4 * l.H, 1.0f / std::sqrt(static_cast<float>(P))));
      l.h0 = widen(random_floats(l.B * P, 0.5f));
    };
    const auto norm_cell = [](Layer& l) {
      l.normCell = widen(random_floats(2 * l.H, 0.5f));
      for (int j = 0; j < l.H; ++j) l.normCell[static_cast<size_t>(j)] += 1;
    };
    if (cell == Cell::lstm) {
      variant("norm of the cell", norm_cell);
      variant("projection", [&](Layer& l) { project(l, 7); });
      variant("wide projection lengths", [&](Layer& l) { project(l, 40), lengths(l); });
      variant("projection ids masks", [&](Layer& l) { project(l, 33), ids(l), masks(l), recurrent(l); }, 35);
      variant("projection norms lengths rates reverse", [&](Layer& l) {
        project(l, 9), norms(l, true, true), norm_cell(l), lengths(l), l.reverse = true, l.rateH = 0.3, l.rateC = 0.2;
      });
      variant("norms of everything, one step, one row", [&](Layer& l) {
        norms(l, true, true), norm_cell(l), project(l, 3);
        l.B = l.T = 1;
        l.x.resize(4), l.h0.resize(3), l.c0.resize(19);
      });
    }
    {
      variant("norm of the input", [&](Layer& l) { norms(l, true, false); });
      variant("norm of the recurrence", [&](Layer& l) { norms(l, false, true); });
      variant("norms ids lengths", [&](Layer& l) { norms(l, true, true), ids(l), lengths(l); });
      variant("norms more ids than steps", [&](Layer& l) { norms(l, true, false), ids(l), lengths(l), l.V = 40, l.kernel = widen(random_floats(40 * l.gates() * l.H)); });
      variant("norms masks lengths reverse", [&](Layer& l) { norms(l, true, true), lengths(l), masks(l), recurrent(l), l.reverse = true; }, 32);
      variant("norms no bias, one unit", [&](Layer& l) { norms(l, true, true), l.bias = false, l.biases.clear(), l.h0.clear(); }, 1);
      variant("norms rates", [&](Layer& l) { norms(l, true, true), l.rateH = 0.3; }, 33);
    }
    variant("everything", [&](Layer& l) { lengths(l), masks(l), recurrent(l), l.reverse = true; }, 32);
  }
  for (const auto& [cell, name] : cells) {
    for (bool reverse : {false, true}) {
      test_padding(cell, name, reverse, false);
      if (cell != Cell::lstm) test_padding(cell, name, reverse, true);
    }
    test_side_by_side(cell, name, 5, 7, 9, 40);
  }
  test_rows_of_a_step();
  Layer empty = make_layer(Cell::lstm, 3, 4, 5, 17);
  empty.lengths = {0, 0, 0};
  test_layer(empty, "lstm without a step");
  if (quick) return;
  // Large enough that hidden units, not rows, are split between threads.
  test_layer(make_layer(Cell::lstm, 2, 3, 8, 320), "lstm few rows");
  test_layer(make_layer(Cell::gru, 2, 3, 8, 320), "gru few rows");
  test_layer(make_layer(Cell::gruBefore, 2, 3, 8, 320), "gru resetBefore few rows");
  test_layer(make_layer(Cell::rnnTanh, 2, 3, 8, 513), "rnn few rows");
  for (Cell cell : {Cell::lstm, Cell::gru, Cell::gruBefore, Cell::rnnTanh}) {
    Layer l = make_layer(cell, 2, 3, 4, cell == Cell::rnnTanh ? 513 : 320);
    l.normInput = l.normRecurrent = widen(random_floats(2 * l.gates() * l.H));
    l.lengths = {2, 3};
    test_layer(l, "norms few rows");
  }
}

// ---------------------------------------------------------------------------------------------------------------------------

void test_gemm() {
  const Kernels& k = kernels();
  ThreadPool one(1), two(2);
  const std::vector<int> sizes = quick ? std::vector<int>{1, 7, 33, 65} : std::vector<int>{1, 7, 12, 33, 65, 130};
  for (int m : sizes) {
    for (int n : sizes) {
      for (int depth : quick ? std::vector<int>{7, 300} : std::vector<int>{1, 7, 33, 300}) {
        for (int form = 0; form < 4; ++form) {
          GemmArguments g;
          g.m = m, g.n = n, g.k = depth;
          g.transposeA = form & 1, g.transposeB = form & 2;
          const int64_t pad = 3;
          g.lda = (g.transposeA ? m : depth) + pad;
          g.ldb = (g.transposeB ? depth : n) + pad;
          g.ldc = n + pad;
          const Floats a = random_floats(g.lda * (g.transposeA ? depth : m)), b = random_floats(g.ldb * (g.transposeB ? n : depth));
          const Floats bias = random_floats(n), start = random_floats(g.ldc * m);
          g.a = a.data(), g.b = b.data();
          g.accumulate = (m + n) % 2, g.bias = depth % 2 ? bias.data() : nullptr;
          g.activation = depth == 300 ? Activation::relu : Activation::none;
          Floats c = start, c1 = start;
          Doubles expected = widen(start);
          for (int i = 0; i < m; ++i) {
            for (int j = 0; j < n; ++j) {
              double sum = (g.accumulate ? start[i * g.ldc + j] : 0) + (g.bias ? bias[j] : 0);
              for (int p = 0; p < depth; ++p) {
                sum += static_cast<double>(g.transposeA ? a[p * g.lda + i] : a[i * g.lda + p]) *
                       (g.transposeB ? b[j * g.ldb + p] : b[p * g.ldb + j]);
              }
              expected[i * g.ldc + j] = g.activation == Activation::relu ? std::max(0.0, sum) : sum;
            }
          }
          g.c = c.data();
          k.gemm(two, g);
          g.c = c1.data();
          k.gemm(one, g);
          close(c, expected, 5e-5, "gemm");
          identical(c, c1, "gemm");
        }
      }
    }
  }
  // A row's result does not depend on the rows beside it (from more than four on).
  {
    const Floats a = random_floats(130 * 300), b = random_floats(300 * 65);
    Floats all(130 * 65), few(37 * 65);
    GemmArguments g;
    g.m = 130, g.n = 65, g.k = 300, g.a = a.data(), g.lda = 300, g.b = b.data(), g.ldb = 65, g.c = all.data(), g.ldc = 65;
    k.gemm(two, g);
    g.m = 37, g.a = a.data() + 40 * 300, g.c = few.data();
    k.gemm(two, g);
    identical(few, Floats(all.begin() + 40 * 65, all.begin() + 77 * 65), "a row among others");
  }
  // B packed beforehand gives the same as tiles, to the last bit.
  for (int m : {5, 37, 130}) {
    for (int n : {1, 16, 33, 1100}) {
      for (int depth : {1, 7, 256, 515}) {
        const Floats a = random_floats(m * depth), b = random_floats(depth * n), bias = random_floats(n);
        for (bool transposeB : {false, true}) {
          Floats c(m * n), packedC(m * n, 5.0f);
          GemmArguments g;
          g.m = m, g.n = g.ldc = n, g.k = g.lda = depth, g.a = a.data(), g.b = b.data(), g.ldb = transposeB ? depth : n;
          g.transposeB = transposeB, g.bias = bias.data(), g.activation = Activation::tanh, g.c = c.data();
          k.gemm(two, g);
          PackedWeights* const packed = k.packMatrix(two, depth, n, b.data(), g.ldb, transposeB);
          g.b = nullptr, g.packed = packed, g.c = packedC.data();
          k.gemm(two, g);
          identical(packedC, c, "gemm of a packed matrix");
          g.m = 2, g.n = g.ldc = n;
          Floats few(2 * n);
          g.c = few.data();
          k.gemm(one, g);
          identical(few, Floats(c.begin(), c.begin() + 2 * n), "two rows with a packed matrix");
          free_packed_weights(packed);
        }
      }
    }
  }
  // Batched, B shared; and an empty depth.
  const Floats a = random_floats(3 * 4 * 5), b = random_floats(5 * 6);
  Floats c(3 * 4 * 6), zero(4, 1.0f);
  GemmArguments g;
  g.m = 4, g.n = 6, g.k = 5, g.a = a.data(), g.lda = 5, g.b = b.data(), g.ldb = 6, g.c = c.data(), g.ldc = 6;
  g.batch = 3, g.strideA = 20, g.strideB = 0, g.strideC = 24;
  k.gemm(two, g);
  Doubles expected(c.size());
  for (int i = 0; i < 12; ++i) {
    for (int j = 0; j < 6; ++j) {
      for (int p = 0; p < 5; ++p) expected[i * 6 + j] += static_cast<double>(a[i * 5 + p]) * b[p * 6 + j];
    }
  }
  close(c, expected, 1e-5, "batched gemm");
  g = GemmArguments();
  g.m = 2, g.n = 2, g.k = 0, g.a = a.data(), g.lda = 1, g.b = b.data(), g.ldb = 2, g.c = zero.data(), g.ldc = 2;
  k.gemm(two, g);
  close(zero, Doubles(4), 0, "gemm of depth 0");
  // NaN and infinity go through.
  Floats na = {1, std::nanf(""), 2, INFINITY}, nb = {1, 2, 3, 4};
  g.k = 2, g.a = na.data(), g.lda = 2, g.b = nb.data();
  k.gemm(two, g);
  check(std::isnan(zero[0]) && zero[2] == INFINITY, "gemm propagates NaN and infinity");
}

void test_losses() {
  const Kernels& k = kernels();
  ThreadPool pool(2);
  for (int columns : {1, 7, 16, 33, 65, 1000}) {
    // A softmax does not see what all its logits have in common, be it as large as a masked row's.
    for (const auto& [smoothing, offset] : std::vector<std::pair<float, float>>{{0.0f, 0.0f}, {0.125f, 0.0f}, {0.125f, 1e5f}, {0.0f, -1e9f}}) {
      const int rows = columns == 65 ? 700 : 33;
      Floats logits = random_floats(rows * columns, 4);
      for (float& logit : logits) logit += offset;
      if (columns > 1 && smoothing == 0) logits[1] = -INFINITY;
      std::vector<int32_t> labels = random_ids(rows, columns);
      labels[0] = 0;
      labels[rows / 2] = -1;
      const Floats dy = random_floats(rows);
      Floats losses(rows), normalizers(2 * rows), gradient(logits.size()), soft(logits.size()), logSoft(logits.size());
      Doubles eLosses(rows), eGradient(logits.size()), eSoft(logits.size()), eLogSoft(logits.size());
      for (int n = 0; n < rows; ++n) {
        double sum = 0, mean = 0;
        const auto logit = [&, base = offset](int j) { return static_cast<double>(logits[n * columns + j]) - base; };
        for (int j = 0; j < columns; ++j) sum += std::exp(logit(j));
        for (int j = 0; j < columns && smoothing > 0; ++j) mean += logit(j) / columns;
        for (int j = 0; j < columns; ++j) {
          const int at = n * columns + j;
          eLogSoft[at] = logit(j) - std::log(sum);
          eSoft[at] = std::exp(eLogSoft[at]);
          if (labels[n] >= 0) eGradient[at] = dy[n] * (eSoft[at] - (labels[n] == j ? 1 - smoothing : 0) - smoothing / columns);
        }
        if (labels[n] >= 0) eLosses[n] = std::log(sum) - (1 - smoothing) * logit(labels[n]) - smoothing * mean;
      }
      k.softmaxCrossEntropyForward(pool, logits.data(), labels.data(), rows, columns, smoothing, losses.data(), normalizers.data());
      k.softmaxCrossEntropyBackward(pool, logits.data(), labels.data(), normalizers.data(), dy.data(), rows, columns, smoothing,
                                    gradient.data());
      k.softmax(pool, logits.data(), rows, columns, false, soft.data());
      k.softmax(pool, logits.data(), rows, columns, true, logSoft.data());
      close(losses, eLosses, 3e-6, "losses");
      close(gradient, eGradient, 3e-6, "dlogits");
      close(soft, eSoft, 2e-6, "softmax");
      close(logSoft, eLogSoft, 2e-6, "log-softmax");
    }
  }
  test_top_log_probabilities();
}

// The divergence of two softmaxes, rows [n] and [rows + n], from log-probabilities in double.
void test_consistency() {
  const Kernels& k = kernels();
  ThreadPool two(2), one(1);
  for (int columns : {1, 7, 16, 33, 65, 1000}) {
    const int rows = columns == 65 ? 700 : 33;
    Floats logits = random_floats(2 * rows * columns, 3);
    std::vector<int32_t> labels(rows, 0);
    labels[rows / 2] = -1;
    const Floats dy = random_floats(rows);
    Floats losses(rows), normalizers(4 * rows), divergence(2 * rows), gradient(logits.size());
    Doubles eLosses(rows), eGradient(logits.size());
    for (int n = 0; n < rows; ++n) {
      if (labels[n] < 0) continue;
      const float* row[2] = {&logits[n * columns], &logits[(rows + n) * columns]};
      double logSums[2], apart[2] = {0, 0};
      for (int side = 0; side < 2; ++side) {
        double sum = 0;
        for (int j = 0; j < columns; ++j) sum += std::exp(static_cast<double>(row[side][j]));
        logSums[side] = std::log(sum);
      }
      for (int pass = 0; pass < 2; ++pass) {
        for (int j = 0; j < columns; ++j) {
          const double logP = row[0][j] - logSums[0], logQ = row[1][j] - logSums[1];
          const double p = std::exp(logP), q = std::exp(logQ);
          if (pass == 0) {
            apart[0] += p * (logP - logQ);
            apart[1] += q * (logQ - logP);
          } else {
            eGradient[n * columns + j] = dy[n] / 2 * (p * (logP - logQ - apart[0]) + p - q);
            eGradient[(rows + n) * columns + j] = dy[n] / 2 * (q * (logQ - logP - apart[1]) + q - p);
          }
        }
      }
      eLosses[n] = (apart[0] + apart[1]) / 2;
    }
    k.consistencyForward(two, logits.data(), labels.data(), rows, columns, losses.data(), normalizers.data(), divergence.data());
    k.consistencyBackward(two, logits.data(), labels.data(), normalizers.data(), divergence.data(), dy.data(), rows, columns,
                          gradient.data());
    close(losses, eLosses, 5e-6, "consistency");
    close(gradient, eGradient, 5e-6, "consistency dlogits");
    k.consistencyBackward(one, logits.data(), labels.data(), normalizers.data(), divergence.data(), dy.data(), rows, columns,
                          logits.data());
    identical(logits, gradient, "consistency dlogits in place");
  }
}

void test_embedding() {
  const Kernels& k = kernels();
  ThreadPool two(2), one(1);
  for (int width : {1, 7, 33, 300, 1024}) {
    const int V = 13, count = 500;
    const Floats table = random_floats(V * width), dy = random_floats(count * width);
    const auto ids = random_ids(count, V - 1);  // the last row is never used
    Floats y(count * width), d(V * width, 5.0f), d1(V * width);
    Doubles expected(V * width), rows(count * width);
    for (int n = 0; n < count; ++n) {
      for (int j = 0; j < width; ++j) {
        rows[n * width + j] = table[ids[n] * width + j];
        expected[ids[n] * width + j] += dy[n * width + j];
      }
    }
    k.embeddingForward(two, table.data(), width, ids.data(), count, y.data());
    k.embeddingBackward(two, dy.data(), width, ids.data(), count, V, d.data());
    k.embeddingBackward(one, dy.data(), width, ids.data(), count, V, d1.data());
    close(y, rows, 0, "embedding");
    close(d, expected, 1e-5, "dtable");
    identical(d, d1, "dtable");
  }
  const int32_t ids[] = {0, 3, 7, -1};
  check(first_out_of_range(ids, 4, 8) == 3 && first_out_of_range(ids, 3, 7) == 2 && first_out_of_range(ids, 3, 8) == -1,
        "first_out_of_range");
}

void test_optimizer() {
  const Kernels& k = kernels();
  ThreadPool pool(2);
  const int n = 70001;
  AdamArguments a;
  Floats p = random_floats(n), g = random_floats(n), m = random_floats(n, 0.1f), v = random_mask(n, 0.1f, 0.02f), p1(n), m1(n), v1(n);
  a.size = n, a.parameter = p.data(), a.gradient = g.data(), a.m = m.data(), a.v = v.data();
  a.parameterOut = p1.data(), a.mOut = m1.data(), a.vOut = v1.data();
  a.learningRate = 0.01, a.weightDecay = 0.1, a.gradientScale = 0.5, a.biasCorrection1 = 0.3, a.biasCorrection2 = 0.02;
  k.adam(pool, a);
  Doubles ep(n), em(n), ev(n);
  for (int i = 0; i < n; ++i) {
    const double gradient = 0.5 * g[i];
    em[i] = 0.9 * m[i] + 0.1 * gradient;
    ev[i] = 0.999 * v[i] + 0.001 * gradient * gradient;
    ep[i] = p[i] - 0.01 * 0.1 * p[i] - 0.01 * (em[i] / 0.3) / (std::sqrt(ev[i] / 0.02) + 1e-8);
  }
  close(p1, ep, 2e-6, "adam parameter");
  close(m1, em, 1e-6, "adam m");
  close(v1, ev, 1e-6, "adam v");
  a.parameterOut = p.data(), a.mOut = m.data(), a.vOut = v.data();
  k.adam(pool, a);
  identical(p, p1, "adam in place");

  double sum = 0;
  for (float x : g) sum += static_cast<double>(x) * x;
  ThreadPool one(1);
  check(std::fabs(k.sumSquares(pool, g.data(), n) - sum) < 1e-9 * sum, "sumSquares");
  check(k.sumSquares(pool, g.data(), n) == k.sumSquares(one, g.data(), n), "sumSquares differs between threads");
  check(k.sumSquares(pool, g.data(), 0) == 0, "sumSquares of nothing");
  Floats mixed(n);
  k.lerp(pool, p.data(), g.data(), 0.25f, n, mixed.data());
  Doubles expected(n);
  for (int i = 0; i < n; ++i) expected[i] = p[i] + 0.25 * (static_cast<double>(g[i]) - p[i]);
  close(mixed, expected, 1e-6, "lerp");
}

uint32_t philox(uint64_t element, uint32_t k0, uint32_t k1) {
  uint32_t c[4] = {static_cast<uint32_t>(element / 4), static_cast<uint32_t>(element / 4 >> 32), 0, 0};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = 0xd2511f53ull * c[0], b = 0xcd9e8d57ull * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(b), static_cast<uint32_t>(a >> 32) ^ c[3] ^ k1,
                              static_cast<uint32_t>(a)};
    std::memcpy(c, next, sizeof c);
    k0 += 0x9e3779b9u, k1 += 0xbb67ae85u;
  }
  return c[element % 4];
}

void test_dropout() {
  const Kernels& k = kernels();
  ThreadPool pool(2);
  // Known answer of the generator's authors: counter 0, key 0.
  check(philox(0, 0, 0) == 0x6627e8d5u && philox(1, 0, 0) == 0xe169c58du, "reference Philox");
  for (int n : {1, 5, 64, 10007}) {
    const double rate = 0.3;
    const uint32_t threshold = static_cast<uint32_t>(std::floor(rate * 4294967296.0));
    const Floats x = random_floats(n);
    Floats y(n), mask(n);
    Doubles eY(n), eMask(n);
    for (int e = 0; e < n; ++e) {
      const bool kept = philox(static_cast<uint64_t>(e), 123, 4000000000u) >= threshold;
      eY[e] = kept ? x[e] * static_cast<float>(1 / (1 - rate)) : 0;
      eMask[e] = kept ? 1 : 0;
    }
    k.dropout(pool, x.data(), n, rate, 123, 4000000000u, y.data());
    k.dropoutMask(pool, n, rate, 123, 4000000000u, 1.0f, mask.data());
    close(y, eY, 1e-7, "dropout");
    close(mask, eMask, 0, "dropout mask");
  }
  Floats all(77), none(77);
  k.dropoutMask(pool, 77, 0, 1, 2, 3.0f, all.data());
  k.dropoutMask(pool, 77, 1, 1, 2, 3.0f, none.data());
  check(all == Floats(77, 3.0f) && none == Floats(77), "a rate of 0 keeps everything, of 1 nothing");
  const int B = 3, T = 4, D = 7;
  const Floats x = random_floats(B * T * D);
  Floats y(x.size()), mask(B * D);
  k.lockedDropout(pool, x.data(), B, T, D, 0.5, 1, 2, y.data());
  k.dropoutMask(pool, B * D, 0.5, 1, 2, 2.0f, mask.data());
  for (int b = 0; b < B; ++b) {
    for (int t = 0; t < T; ++t) {
      for (int d = 0; d < D; ++d) check(y[(b * T + t) * D + d] == x[(b * T + t) * D + d] * mask[b * D + d], "locked dropout");
    }
  }
}

void test_elementwise() {
  const Kernels& k = kernels();
  ThreadPool pool(2);
  const float inf = INFINITY, nan = std::nanf("");
  Floats x = random_floats(40000, 3);
  const float special[] = {0.0f, inf, -inf, nan, 88.0f, 89.0f, -87.5f, -100.0f, -110.0f, 1e-4f, -1e-30f, 1e30f, 1e-42f, 20.0f, 0.3466f, -0.3466f};
  std::copy(std::begin(special), std::end(special), x.begin() + 7);
  const std::pair<UnaryOperation, double (*)(double)> unaries[] = {
      {UnaryOperation::tanh, [](double v) { return std::tanh(v); }},
      {UnaryOperation::sigmoid, [](double v) { return sigmoid(v); }},
      {UnaryOperation::relu, [](double v) { return v < 0 ? 0 : v; }},
      {UnaryOperation::exp, [](double v) { return static_cast<double>(static_cast<float>(std::exp(v))); }},
      {UnaryOperation::log, [](double v) { return std::log(v); }},
      {UnaryOperation::sqrt, [](double v) { return std::sqrt(v); }},
      {UnaryOperation::rsqrt, [](double v) { return 1 / std::sqrt(v); }},
      {UnaryOperation::square, [](double v) { return static_cast<double>(static_cast<float>(v * v)); }},
      {UnaryOperation::negate, [](double v) { return -v; }},
      {UnaryOperation::absolute, [](double v) { return std::fabs(v); }},
      {UnaryOperation::reciprocal, [](double v) { return static_cast<double>(static_cast<float>(1 / v)); }}};
  for (const auto& [operation, f] : unaries) {
    Floats y(x.size());
    k.unary(pool, operation, x.data(), static_cast<int64_t>(x.size()), y.data());
    for (size_t i = 0; i < x.size(); ++i) {
      const double e = f(x[i]);
      const bool same = (std::isnan(e) && std::isnan(y[i])) || y[i] == e || std::fabs(y[i] - e) <= 4e-7 * std::fabs(e) + 1e-38;
      if (!same) {
        check(false, "unary %d of %g is %.9g, expected %.9g", static_cast<int>(operation), x[i], y[i], e);
        break;
      }
    }
    check(true, "");
  }

  const auto apply = [](BinaryOperation operation, double a, double b) {
    switch (operation) {
      case BinaryOperation::add: return a + b;
      case BinaryOperation::subtract: return a - b;
      case BinaryOperation::multiply: return a * b;
      case BinaryOperation::divide: return a / b;
      case BinaryOperation::maximum: return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
      case BinaryOperation::minimum: return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
      default: return (a - b) * (a - b);
    }
  };
  struct Case {
    std::vector<int64_t> shape, a, b;
  };
  const Case cases[] = {{{}, {}, {}},
                        {{20000}, {1}, {1}},
                        {{20000}, {1}, {0}},
                        {{20000}, {0}, {1}},
                        {{300, 65}, {65, 1}, {0, 1}},
                        {{300, 65}, {65, 1}, {1, 0}},
                        {{7, 33, 5}, {0, 5, 1}, {33, 1, 0}},
                        {{4, 3, 1, 9}, {27, 9, 9, 1}, {1, 4, 12, 0}},
                        {{2, 0, 3}, {0, 3, 1}, {0, 3, 1}}};
  for (const Case& c : cases) {
    const Floats a = random_floats(20000), b = random_floats(20000);
    int64_t size = 1;
    for (int64_t n : c.shape) size *= n;
    for (int op = 0; op <= static_cast<int>(BinaryOperation::squaredDifference); ++op) {
      const auto operation = static_cast<BinaryOperation>(op);
      Floats y(static_cast<size_t>(size));
      Doubles expected(static_cast<size_t>(size));
      for (int64_t i = 0; i < size; ++i) {
        int64_t rest = i, at = 0, bt = 0;
        for (int d = static_cast<int>(c.shape.size()) - 1; d >= 0; --d) {
          at += rest % c.shape[d] * c.a[d];
          bt += rest % c.shape[d] * c.b[d];
          rest /= c.shape[d];
        }
        expected[i] = apply(operation, a[at], b[bt]);
      }
      k.binary(pool, operation, static_cast<int>(c.shape.size()), c.shape.data(), a.data(), c.a.data(), b.data(), c.b.data(), y.data());
      close(y, expected, 1e-6, "binary");
    }
  }
  const Floats p = {nan, 1, inf, -inf}, q = {1, nan, 2, 2};
  Floats y(4);
  const int64_t four = 4, unit = 1;
  k.binary(pool, BinaryOperation::maximum, 1, &four, p.data(), &unit, q.data(), &unit, y.data());
  check(std::isnan(y[0]) && std::isnan(y[1]) && y[2] == inf && y[3] == 2, "maximum of NaN and infinity");
  k.binary(pool, BinaryOperation::minimum, 1, &four, p.data(), &unit, q.data(), &unit, y.data());
  check(std::isnan(y[0]) && std::isnan(y[1]) && y[2] == 2 && y[3] == -inf, "minimum of NaN and infinity");
}

void test_reduce() {
  const Kernels& k = kernels();
  ThreadPool two(2), one(1);
  const int64_t shapes[][3] = {{1, 1, 1}, {1, 100000, 1}, {33, 7, 1}, {1, 700, 65}, {5, 33, 7}, {2, 1, 40}, {3, 0, 2}, {9, 5000, 1}};
  for (const auto& s : shapes) {
    Floats x = random_floats(s[0] * s[1] * s[2]);
    for (int op = 0; op < 4; ++op) {
      Floats y(static_cast<size_t>(s[0] * s[2])), y1(y.size());
      Doubles expected(y.size());
      for (int64_t o = 0; o < s[0]; ++o) {
        for (int64_t i = 0; i < s[2]; ++i) {
          double total = op < 2 ? 0 : op == 2 ? -INFINITY : INFINITY;
          for (int64_t l = 0; l < s[1]; ++l) {
            const double v = x[(o * s[1] + l) * s[2] + i];
            total = op < 2 ? total + v : op == 2 ? std::max(total, v) : std::min(total, v);
          }
          expected[o * s[2] + i] = op == 1 ? total / static_cast<double>(s[1]) : total;
        }
      }
      k.reduce(two, static_cast<ReduceOperation>(op), x.data(), s[0], s[1], s[2], y.data());
      k.reduce(one, static_cast<ReduceOperation>(op), x.data(), s[0], s[1], s[2], y1.data());
      close(y, expected, 2e-5, "reduce");
      if (s[1] > 0) identical(y, y1, "reduce");
    }
  }
  const Floats bad = {1, std::nanf(""), 3};
  float y;
  for (ReduceOperation op : {ReduceOperation::maximum, ReduceOperation::minimum, ReduceOperation::sum}) {
    k.reduce(two, op, bad.data(), 1, 3, 1, &y);
    check(std::isnan(y), "reduction %d keeps NaN", static_cast<int>(op));
  }
}

void test_copy() {
  const Kernels& k = kernels();
  ThreadPool pool(2);
  const auto copy = [&](const std::vector<int64_t>& shape, std::vector<int64_t> from, std::vector<int64_t> to, int64_t start, const char* name) {
    Floats x = random_floats(60000), y(60000, 7.0f), expected(60000, 7.0f);
    int64_t size = 1;
    for (int64_t n : shape) size *= n;
    for (int64_t i = 0; i < size; ++i) {
      int64_t rest = i, f = start, t = 0;
      for (int d = static_cast<int>(shape.size()) - 1; d >= 0; --d) {
        f += rest % shape[d] * from[d];
        t += rest % shape[d] * to[d];
        rest /= shape[d];
      }
      expected[t] = x[f];
    }
    k.copyStrided(pool, static_cast<int>(shape.size()), shape.data(), x.data() + start, from.data(), y.data(), to.data());
    identical(y, expected, name);
  };
  copy({50000}, {1}, {1}, 0, "contiguous");
  copy({33, 65}, {1, 33}, {65, 1}, 0, "transposed");
  copy({200, 201}, {1, 200}, {201, 1}, 0, "transposed, large");
  copy({3, 5, 7, 9}, {9, 27, 135, 1}, {315, 63, 9, 1}, 0, "permuted 1 0 2");
  copy({5, 7, 3, 9}, {1, 5, 35, 105}, {189, 27, 9, 1}, 0, "permuted 3 2 1 0");
  copy({7, 5, 9}, {45, 1, 5}, {45, 9, 1}, 0, "permuted 0 2 1");
  copy({4, 6}, {20, 1}, {6, 1}, 25, "slice");
  copy({4, 6}, {6, 1}, {20, 1}, 0, "concatenation");
  copy({4, 6}, {6, -1}, {6, 1}, 5, "reversal");
  copy({4, 6}, {0, 1}, {6, 1}, 0, "tile");
  copy({}, {}, {}, 3, "scalar");

  std::vector<int32_t> ints = {0, -5, 1 << 30, 7}, back(6);
  Floats floats(4);
  k.castIntToFloat(pool, ints.data(), 4, floats.data());
  close(floats, Doubles{0, -5, 1073741824.0, 7}, 0, "int to float");
  const Floats values = {1.9f, -1.9f, std::nanf(""), INFINITY, 4294967296.0f + 512 * 3, -3e9f};
  k.castFloatToInt(pool, values.data(), 6, back.data());
  check(back[0] == 1 && back[1] == -1 && back[2] == 0 && back[3] == 0 && back[4] == 1536 && back[5] == 1294967296, "float to int");
  Floats filled(100);
  const float half = 0.5f;
  uint32_t bits;
  std::memcpy(&bits, &half, 4);
  k.fill(pool, filled.data(), bits, 100);
  close(filled, Doubles(100, 0.5), 0, "fill");
}

void test_threads() {
  // Two pools used from two threads, one pool used from two threads, nested use, exceptions.
  const auto work = [](ThreadPool& pool) {
    std::vector<int64_t> sums(64);
    for (int repeat = 0; repeat < 300; ++repeat) {
      parallel_for(pool, 64, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) sums[static_cast<size_t>(i)] += i;
      });
    }
    bool ok = true;
    for (int64_t i = 0; i < 64; ++i) ok = ok && sums[static_cast<size_t>(i)] == 300 * i;
    return ok;
  };
  ThreadPool a(2), b(3);
  bool first = false, second = false, third = false;
  std::thread t1([&] { first = work(a); }), t2([&] { second = work(b); }), t3([&] { third = work(a); });
  t1.join(), t2.join(), t3.join();
  check(first && second && third, "pools from several threads");
  std::vector<int> nested(16), threads(4);
  parallel_for(a, 4, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      threads[static_cast<size_t>(i)] = a.threads();
      parallel_for(a, 4, 1, [&](int64_t p, int64_t q) {
        for (int64_t j = p; j < q; ++j) nested[static_cast<size_t>(4 * i + j)] += 1;
      });
    }
  });
  check(nested == std::vector<int>(16, 1), "nested use of a pool");
  check(threads == std::vector<int>(4, 1) && a.threads() == 2, "a task has one thread, and those who come after it all of them");
  bool caught = false;
  try {
    parallel_for(b, 30, 1, [&](int64_t begin, int64_t) {
      if (begin > 0) throw KernelError("expected");
    });
  } catch (const KernelError&) {
    caught = true;
  }
  check(caught && b.threads() == 3 && work(b), "an exception crosses the pool, which goes on working");
  // Threads that sleep, or are late for a job that others have done.
  std::vector<int> calls(7);
  for (int repeat = 0; repeat < 3000; ++repeat) {
    if (repeat % 100 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    b.run(
        2 + repeat % 6, [](void* context, int index) { ++(*static_cast<std::vector<int>*>(context))[static_cast<size_t>(index)]; }, &calls);
  }
  check(calls == std::vector<int>{3000, 3000, 2500, 2000, 1500, 1000, 500}, "every index of every job once");
  a.set_threads(4);
  check(a.threads() == 4 && work(a), "a resized pool");
  bool steady = true;
  std::thread user([&] {
    for (int repeat = 0; repeat < 10; ++repeat) steady = work(a) && steady;
  });
  for (int n = 0; n < 40; ++n) a.set_threads(1 + n % 4);
  user.join();
  check(steady, "a pool resized while another thread uses it");
}

void test_memory() {
  const MemoryUse before = memory_use();
  std::vector<void*> buffers;
  for (size_t bytes : {size_t{1}, size_t{63}, size_t{64}, size_t{100}, size_t{4097}, size_t{3} << 20}) {
    void* p = allocate(bytes);
    check(reinterpret_cast<uintptr_t>(p) % 64 == 0 && allocated_size(p) >= bytes, "a buffer of %zu bytes", bytes);
    std::memset(p, 1, bytes);
    buffers.push_back(p);
  }
  for (void* p : buffers) deallocate(p);
  const MemoryUse after = memory_use();
  check(after.buffers == before.buffers && after.inUse == before.inUse, "buffers are given back");
  void* again = allocate(size_t{3} << 20);
  check(again == buffers.back(), "a free buffer is handed out again");
  deallocate(again);
  bool thrown = false;
  try {
    allocate(size_t{1} << 60);
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  check(thrown && memory_use().buffers == before.buffers, "too large a buffer throws");
  trim_memory();
  check(memory_use().pooled == 0, "trim");
}

// With less memory than they want, kernels throw std::bad_alloc from whatever thread, give all back, and work again afterwards.
void test_exhaustion() {
  const Kernels& k = kernels();
  ThreadPool two(2);
  const int64_t n = 130, count = 2000;
  const Floats a = random_floats(n * n), b = random_floats(n * n), wide = random_floats(count * n);
  Floats c(n * n), y(count * n);
  const auto ids = random_ids(count, 50);
  std::vector<std::pair<std::string, std::function<void()>>> calls;
  GemmArguments g;
  g.m = g.n = g.k = g.lda = g.ldb = g.ldc = n;
  g.a = a.data(), g.b = b.data(), g.c = c.data();
  calls.emplace_back("gemm", [&] { k.gemm(two, g); });
  calls.emplace_back("embedding", [&] { k.embeddingBackward(two, wide.data(), n, ids.data(), count, 50, c.data()); });
  calls.emplace_back("reduce", [&] { k.reduce(two, ReduceOperation::sum, wide.data(), 1, count * n, 1, c.data()); });
  calls.emplace_back("sumSquares", [&] { k.sumSquares(two, wide.data(), count * n); });
  calls.emplace_back("lockedDropout", [&] { k.lockedDropout(two, wide.data(), 20, 100, n, 0.5, 1, 2, y.data()); });
  calls.emplace_back("packLstm", [&] { free_packed_weights(k.packLstm(two, 10, 32, a.data(), b.data())); });
  calls.emplace_back("packMatrix", [&] { free_packed_weights(k.packMatrix(two, n, n, b.data(), n, true)); });
  calls.emplace_back("packGru", [&] { free_packed_weights(k.packGru(two, true, 32, b.data())); });
  calls.emplace_back("packRnn", [&] { free_packed_weights(k.packRnn(two, 32, b.data())); });
  for (Cell cell : {Cell::lstm, Cell::gru, Cell::gruBefore, Cell::rnnTanh}) {
    Layer l = make_layer(cell, 9, 4, 30, 70);
    l.recurrentMask = widen(random_mask(l.B * l.H, 0.3f, 1 / 0.7f));
    l.lengths = {4, 3, 0, 1, 4, 4, 2, 2, 1};
    const Doubles dy(l.B * l.T * l.H), dh(l.B * l.H);
    calls.emplace_back("recurrent", [=, &two] { run(two, l, dy, dh, dh, false, false); });
  }
  AttentionArguments attention;
  attention.batch = 4, attention.time = attention.positions = 20, attention.width = attention.valueWidth = n;
  attention.query = attention.keys = attention.values = wide.data(), attention.vector = a.data();
  Floats weights(4 * 20 * 20), dkeys(4 * 20 * n), dvalues(4 * 20 * n);
  calls.emplace_back("attention", [&] { k.attentionForward(two, attention, {y.data(), weights.data()}); });
  calls.emplace_back("attention's gradient", [&] {
    k.attentionBackward(two, attention, {weights.data(), wide.data(), nullptr, y.data(), dkeys.data(), dvalues.data(), c.data()});
  });
  calls.emplace_back("topLogProbabilities", [&] {
    std::vector<int32_t> best(20);
    k.topLogProbabilities(two, wide.data(), 20, n * 100, 1, y.data(), best.data());
  });
  const std::vector<int32_t> labels(80, 1), frames(4, 20), counts(4, 10);
  CtcArguments ctc;
  ctc.batch = 4, ctc.frames = 20, ctc.vocabulary = n, ctc.longest = 20;
  ctc.logits = wide.data(), ctc.labels = labels.data(), ctc.frameLengths = frames.data(), ctc.labelLengths = counts.data();
  calls.emplace_back("ctcLoss", [&] { k.ctcLoss(two, ctc, c.data(), y.data()); });
  const size_t before = memory_use().buffers;
  for (const auto& [name, call] : calls) {
    trim_memory();
    int refusals = 0;
    bool done = false;
    for (size_t more = 0; !done && more < size_t{64} << 20; more = more * 5 / 4 + 256) {
      set_memory_limit(memory_use().inUse + more);
      try {
        call();
        done = true;
      } catch (const std::bad_alloc&) {
        ++refusals;
      }
      check(memory_use().buffers == before, "%s gives its scratch memory back with %zu bytes", name.c_str(), more);
    }
    set_memory_limit(SIZE_MAX);
    check(done && refusals > 0, "%s runs out of memory and recovers", name.c_str());
  }
}

// What the command line chooses; empty = all.
std::string wantedTests, wantedSets, ran;

void test(const char* name, void (*f)()) {
  if (wantedTests.empty() || wantedTests.find("," + std::string(name) + ",") != std::string::npos) f();
}

// Turns to an instruction set; false when it is not wanted or not to be had.
bool start(const char* isa) {
  if (!wantedSets.empty() && wantedSets.find("," + std::string(isa) + ",") == std::string::npos) return false;
  if (!set_isa(isa)) return false;
  context = isa;
  ran += (ran.empty() ? "" : " ") + std::string(isa);
  generator.seed(7);
  check(std::strcmp(kernels().isa, isa) == 0, "set_isa");
  return true;
}

}  // namespace

int main(int count, char** words) {
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--quick") {
      quick = true;
    } else if (word.rfind("--isa=", 0) == 0) {
      wantedSets = "," + word.substr(6) + ",";
    } else {
      wantedTests += "," + word + ",";
    }
  }
  context = "any";
  test("threads", test_threads);
  test("memory", test_memory);
  check(!set_isa("abacus"), "an unknown instruction set is refused");
  for (const char* isa : {"baseline", "avx2", "avx512"}) {
    if (!start(isa)) continue;
    test("gemm", test_gemm);
    test("losses", test_losses);
    test("consistency", test_consistency);
    test("ctc", test_ctc);
    test("embedding", test_embedding);
    test("optimizer", test_optimizer);
    test("dropout", test_dropout);
    test("elementwise", test_elementwise);
    test("reduce", test_reduce);
    test("copy", test_copy);
    test("recurrent", test_recurrent);
    test("exhaustion", test_exhaustion);
    test("decoder", test_decoder);
    test("attention", [] { test_attention(false); });
    check(memory_use().buffers == 0, "scratch memory is given back");
  }
  // The same with bf16 operands.
  for (const char* isa : {"avx512bf16", "amxbf16"}) {
    if (!start(isa)) continue;
    bf16 = true;
    slack = 1;
    test("gemm", test_gemm);
    slack = 400;  // h and dz are rounded to 8 bits at each step
    test("recurrent", test_recurrent);
    test("attention", [] { test_attention(true); });
    check(memory_use().buffers == 0, "scratch memory is given back");
  }
  std::printf("%d checks, %d failed (%s)\n", checks, failures, ran.c_str());
  return failures == 0 ? 0 : 1;
}
