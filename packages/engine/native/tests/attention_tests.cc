// Tests of attention and of the most probable classes against naive references in double; kernel_tests.cc calls them.
#include "attention_tests.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "checks.h"
#include "kernels.h"

using namespace cadenza;

namespace {

std::mt19937 generator;

// Random numbers with the bits of bf16, so that products of them are exact with bf16 operands too.
Floats random_floats(int64_t n, float scale = 1.0f) {
  std::normal_distribution<float> normal(0, scale);
  Floats v(static_cast<size_t>(n));
  for (float& x : v) {
    x = normal(generator);
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    bits &= 0xffff0000u;
    std::memcpy(&x, &bits, 4);
  }
  return v;
}
Doubles widen(const Floats& v) { return Doubles(v.begin(), v.end()); }

void close(const Floats& a, const Doubles& b, double tolerance, const std::string& name) {
  for (size_t i = 0; i < b.size(); ++i) {
    if (std::fabs(a[i] - b[i]) <= tolerance * (1 + std::fabs(b[i]))) continue;
    return check(false, "%s[%zu] is %.9g, expected %.9g", name.c_str(), i, a[i], b[i]);
  }
  check(a.size() == b.size(), "%s has the size of its reference", name.c_str());
}

struct Case {
  int B, T, S, H, C, N;
  bool additive;
  double scale;
  std::vector<int32_t> lengths;
  Doubles query, keys, values, vector;

  int length(int b) const { return lengths.empty() ? S : lengths[static_cast<size_t>(b)]; }
};

struct Result {
  Doubles context, weights;
};

// The equations of kernels.h.
Result reference(const Case& a) {
  Result r{Doubles(static_cast<size_t>(a.B * a.T * a.C)), Doubles(static_cast<size_t>(a.B * a.N * a.T * a.S))};
  for (int look = 0; look < a.B * a.N * a.T; ++look) {
    const int b = look / (a.N * a.T), n = look / a.T % a.N, row = b * a.T + look % a.T;
    double sum = 0;
    for (int s = 0; s < a.length(b); ++s) {
      double e = 0;
      for (int h = n * (a.H / a.N); h < (n + 1) * (a.H / a.N); ++h) {
        const double q = a.query[row * a.H + h], k = a.keys[(b * a.S + s) * a.H + h];
        e += a.additive ? a.vector[h] * std::tanh(q + k) : a.scale * q * k;
      }
      sum += r.weights[look * a.S + s] = std::exp(e);
    }
    for (int s = 0; s < a.length(b); ++s) {
      r.weights[look * a.S + s] /= sum;
      for (int c = n * (a.C / a.N); c < (n + 1) * (a.C / a.N); ++c) {
        r.context[row * a.C + c] += r.weights[look * a.S + s] * a.values[(b * a.S + s) * a.C + c];
      }
    }
  }
  return r;
}

// Gradients of sum(context dcontext) + sum(weights dweights) by central differences of some elements; the others are taken over.
Doubles differences(Case& a, Doubles& parameter, const Floats& gradient, const Doubles& dcontext, const Doubles& dweights) {
  const auto loss = [&] {
    const Result r = reference(a);
    return std::inner_product(r.context.begin(), r.context.end(), dcontext.begin(), 0.0) +
           std::inner_product(r.weights.begin(), r.weights.end(), dweights.begin(), 0.0);
  };
  Doubles expected = widen(gradient);
  const size_t stride = parameter.size() / (quick ? 10 : 60) + 1;
  for (size_t i = 0; i < parameter.size(); i += stride) {
    const double x = parameter[i], step = 1e-5;
    parameter[i] = x + step;
    const double above = loss();
    parameter[i] = x - step;
    expected[i] = (above - loss()) / (2 * step);
    parameter[i] = x;
  }
  return expected;
}

struct Arrays {
  Floats query, keys, values, vector;
  AttentionArguments in;
};

void bind(const Case& a, Arrays& x) {
  x.in.batch = a.B, x.in.time = a.T, x.in.positions = a.S, x.in.width = a.H, x.in.valueWidth = a.C, x.in.heads = a.N;
  x.in.query = x.query.data(), x.in.keys = x.keys.data(), x.in.values = x.values.data();
  x.in.vector = a.additive ? x.vector.data() : nullptr;
  x.in.scale = static_cast<float>(a.scale);
  x.in.lengths = a.lengths.empty() ? nullptr : a.lengths.data();
}

// What forward and backward give: context, weights, then the gradients. Starts from values that must be overwritten.
std::vector<Floats> run(ThreadPool& pool, const Case& a, const Arrays& x, const Floats& dcontext, const float* dweights) {
  const auto fresh = [](int64_t n) { return Floats(static_cast<size_t>(n), 7.0f); };
  Floats context = fresh(a.B * a.T * a.C), weights = fresh(a.B * a.N * a.T * a.S);
  Floats dq = fresh(a.B * a.T * a.H), dk = fresh(a.B * a.S * a.H), dv = fresh(a.B * a.S * a.C), du = fresh(a.additive ? a.H : 0);
  kernels().attentionForward(pool, x.in, {context.data(), weights.data()});
  kernels().attentionBackward(pool, x.in, {weights.data(), dcontext.data(), dweights, dq.data(), dk.data(), dv.data(), du.data()});
  return {context, weights, dq, dk, dv, du};
}

// Positions beyond a row's length hold NaN.
void spoil(const Case& a, Floats& rows, int width) {
  for (int b = 0; b < a.B; ++b) {
    for (int i = (b * a.S + a.length(b)) * width; i < (b + 1) * a.S * width; ++i) rows[static_cast<size_t>(i)] = std::nanf("");
  }
}

void test_case(Case a, bool bf16) {
  const std::string name = std::string(a.additive ? "additive" : "dot") + " attention " + std::to_string(a.B) + " " + std::to_string(a.T) +
                           " " + std::to_string(a.S) + " " + std::to_string(a.H) + " " + std::to_string(a.C) + " of " +
                           std::to_string(a.N);
  Arrays x;
  const float norm = a.additive ? 1.0f : 1 / std::sqrt(static_cast<float>(a.H));
  x.query = random_floats(a.B * a.T * a.H, norm), x.keys = random_floats(a.B * a.S * a.H), x.values = random_floats(a.B * a.S * a.C);
  x.vector = random_floats(a.additive ? a.H : 0, 1 / std::sqrt(static_cast<float>(a.H)));
  a.query = widen(x.query), a.keys = widen(x.keys), a.values = widen(x.values), a.vector = widen(x.vector);
  bind(a, x);
  const Floats dcontext = random_floats(a.B * a.T * a.C, 1 / std::sqrt(static_cast<float>(a.C))), dweights = random_floats(a.B * a.N * a.T * a.S);
  ThreadPool one(1), two(2), three(3);
  const auto got = run(two, a, x, dcontext, dweights.data());
  // Sums of as many as 64 products in float32; with bf16 operands the weights and scores' gradients have 8 bits.
  const double tolerance = bf16 ? 2e-2 : 2e-5;
  const Result expected = reference(a);
  close(got[0], expected.context, tolerance, name + " context");
  close(got[1], expected.weights, tolerance, name + " weights");
  Doubles* const parameters[] = {&a.query, &a.keys, &a.values, &a.vector};
  const char* const names[] = {" dquery", " dkeys", " dvalues", " dvector"};
  for (int p = 0; p < (a.additive ? 4 : 3); ++p) {
    const Floats& gradient = got[static_cast<size_t>(p + 2)];
    close(gradient, differences(a, *parameters[p], gradient, widen(dcontext), widen(dweights)), tolerance, name + names[p]);
  }
  check(got == run(one, a, x, dcontext, dweights.data()) && got == run(three, a, x, dcontext, dweights.data()),
        "%s is the same for any number of threads", name.c_str());
  const auto plain = run(two, a, x, dcontext, nullptr);
  const Doubles zeros(expected.weights.size());
  close(plain[2], differences(a, a.query, plain[2], widen(dcontext), zeros), tolerance, name + " dquery without dweights");
  spoil(a, x.keys, a.H);
  spoil(a, x.values, a.C);
  check(got == run(two, a, x, dcontext, dweights.data()), "%s does not read its padding", name.c_str());
}

}  // namespace

void test_attention(bool bf16) {
  generator.seed(11);
  for (const bool additive : {false, true}) {
    test_case({1, 1, 1, 1, 1, 1, additive, 1, {}, {}, {}, {}, {}}, bf16);
    test_case({3, 5, 7, 33, 17, 1, additive, 0.7, {7, 0, 4}, {}, {}, {}, {}}, bf16);
    test_case({2, 33, 40, 64, 65, 1, additive, 1, {33, 40}, {}, {}, {}, {}}, bf16);
    test_case({4, 13, 1, 7, 130, 1, additive, -2, {}, {}, {}, {}, {}}, bf16);
    test_case({2, 0, 3, 4, 5, 1, additive, 1, {2, 3}, {}, {}, {}, {}}, bf16);
    test_case({2, 3, 0, 4, 5, 1, additive, 1, {}, {}, {}, {}, {}}, bf16);
    test_case({3, 5, 7, 33, 51, 3, additive, 0.7, {7, 0, 4}, {}, {}, {}, {}}, bf16);
    test_case({2, 33, 40, 64, 136, 4, additive, 1, {33, 40}, {}, {}, {}, {}}, bf16);
    test_case({2, 4, 3, 5, 10, 5, additive, 1, {}, {}, {}, {}, {}}, bf16);
  }
  check(memory_use().buffers == 0, "attention gives its scratch memory back");
}

void test_top_log_probabilities() {
  generator.seed(12);
  ThreadPool one(1), two(2);
  for (const int columns : {1, 7, 33, 129, 2000}) {
    for (const int count : {1, std::min(columns, 5), std::min(columns, 40)}) {
      const int rows = 23;
      Floats x = random_floats(rows * columns, 3);  // of 8 bits, so that many are equal
      if (columns > 1) x[0] = -INFINITY;
      for (int j = 0; j < columns; ++j) {
        x[static_cast<size_t>(columns + j)] = -INFINITY;
        x[static_cast<size_t>(3 * columns + j)] = static_cast<float>(j);  // the worst order
      }
      x[static_cast<size_t>(2 * columns + columns / 2)] = std::nanf("");
      Floats values(static_cast<size_t>(rows * count)), again = values;
      std::vector<int32_t> ids(values.size()), idsAgain = ids;
      kernels().topLogProbabilities(two, x.data(), rows, columns, count, values.data(), ids.data());
      kernels().topLogProbabilities(one, x.data(), rows, columns, count, again.data(), idsAgain.data());
      check(std::memcmp(values.data(), again.data(), values.size() * 4) == 0 && ids == idsAgain, "top values differ between runs");
      for (int n = 0; n < rows; ++n) {
        const float* const row = &x[static_cast<size_t>(n * columns)];
        std::vector<int32_t> order(static_cast<size_t>(columns));
        std::iota(order.begin(), order.end(), 0);
        if (n != 2) std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return row[a] > row[b]; });
        double sum = 0;
        for (int j = 0; j < columns; ++j) sum += std::exp(static_cast<double>(row[j]));
        for (int k = 0; k < count; ++k) {
          const auto at = static_cast<size_t>(n * count + k);
          const double wanted = n == 1 ? -INFINITY : row[order[static_cast<size_t>(k)]] - std::log(sum);
          check(ids[at] == order[static_cast<size_t>(k)], "top id %d of row %d is %d, expected %d", k, n, ids[at], order[static_cast<size_t>(k)]);
          check(n == 2 ? std::isnan(values[at]) : values[at] == wanted || std::fabs(values[at] - wanted) <= 3e-6 * (1 + std::fabs(wanted)),
                "top value %d of row %d is %.9g, expected %.9g", k, n, values[at], wanted);
        }
      }
    }
  }
}
