// Tests of the CTC loss against a naive reference in long double, whose range holds every product of these sizes.
#include "ctc_tests.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "checks.h"
#include "kernels.h"

using namespace cadenza;

namespace {

std::mt19937 generator;

using Wide = std::vector<long double>;

int below(int limit) { return static_cast<int>(generator() % static_cast<unsigned>(limit)); }

struct Case {
  int B = 1, F = 1, V = 2, L = 0;
  Floats logits;
  std::vector<int32_t> labels, frameLengths, labelLengths;
  int blank = 0;
  bool zeroInfinity = false;

  CtcArguments arguments() const {
    CtcArguments a;
    a.batch = B, a.frames = F, a.vocabulary = V, a.longest = L, a.blank = blank, a.zeroInfinity = zeroInfinity;
    a.logits = logits.data(), a.labels = labels.data();
    a.frameLengths = frameLengths.data(), a.labelLengths = labelLengths.data();
    return a;
  }
};

// Labels of few classes, so that neighbours are often equal; what lies beyond the lengths is NaN and no class.
Case random_case(int B, int F, int V, int L, float scale) {
  Case c;
  c.B = B, c.F = F, c.V = V, c.L = L;
  c.blank = below(V);
  c.logits.assign(static_cast<size_t>(B * F * V), NAN);
  c.labels.assign(static_cast<size_t>(B * L), -7);
  std::normal_distribution<float> normal(0, scale);
  for (int b = 0; b < B; ++b) {
    const int frames = b == 0 ? F : below(F + 1), count = b == 0 ? L : below(L + 1);
    c.frameLengths.push_back(frames);
    c.labelLengths.push_back(count);
    for (int e = 0; e < frames * V; ++e) c.logits[static_cast<size_t>(b * F * V + e)] = normal(generator);
    for (int i = 0; i < count; ++i) c.labels[static_cast<size_t>(b * L + i)] = (c.blank + 1 + below(std::min(V - 1, 3))) % V;
  }
  return c;
}

// The equations of kernels.h for one row -> its loss and gradient [frames,V].
double reference(const Case& c, int b, Doubles& gradient) {
  const int frames = c.frameLengths[static_cast<size_t>(b)], S = 2 * c.labelLengths[static_cast<size_t>(b)] + 1;
  std::vector<int> extended;
  for (int s = 0; s < S; ++s) extended.push_back(s % 2 ? c.labels[static_cast<size_t>(b * c.L + s / 2)] : c.blank);
  const auto skips = [&](int s) { return s >= 2 && extended[s] != c.blank && extended[s] != extended[s - 2]; };
  Wide y(static_cast<size_t>(frames * c.V)), alpha(static_cast<size_t>(frames * S)), beta(alpha.size());
  for (int t = 0; t < frames; ++t) {
    long double sum = 0;
    const float* const x = c.logits.data() + (b * c.F + t) * c.V;
    const long double greatest = *std::max_element(x, x + c.V);  // any other may be a class that cannot be
    for (int v = 0; v < c.V; ++v) sum += y[t * c.V + v] = expl(x[v] - greatest);
    for (int v = 0; v < c.V; ++v) y[t * c.V + v] /= sum;
  }
  const auto of = [&](int t, int s) { return y[t * c.V + extended[s]]; };
  for (int t = 0; t < frames; ++t) {
    for (int s = 0; s < S; ++s) {
      long double sum = t == 0 ? s < 2 : alpha[(t - 1) * S + s];
      if (t > 0 && s >= 1) sum += alpha[(t - 1) * S + s - 1];
      if (t > 0 && skips(s)) sum += alpha[(t - 1) * S + s - 2];
      alpha[t * S + s] = sum * of(t, s);
    }
  }
  for (int t = frames - 1; t >= 0; --t) {
    for (int s = 0; s < S; ++s) {
      long double& sum = beta[t * S + s] = t + 1 == frames && s >= S - 2;
      if (t + 1 == frames) continue;
      for (int to = s; to < S && to <= s + 2; ++to) {
        if (to < s + 2 || skips(to)) sum += beta[(t + 1) * S + to] * of(t + 1, to);
      }
    }
  }
  long double p = frames == 0 ? S == 1 : 0;
  for (int s = std::max(0, S - 2); s < S && frames > 0; ++s) p += alpha[(frames - 1) * S + s];
  for (int t = 0; t < frames; ++t) {
    Wide occupancy(static_cast<size_t>(c.V));
    for (int s = 0; s < S; ++s) occupancy[extended[s]] += alpha[t * S + s] * beta[t * S + s];
    for (int v = 0; v < c.V; ++v) {
      gradient[t * c.V + v] = p > 0 ? static_cast<double>(y[t * c.V + v] - occupancy[v] / p) : c.zeroInfinity ? 0 : NAN;
    }
  }
  return p > 0 ? static_cast<double>(-logl(p)) : c.zeroInfinity ? 0 : INFINITY;
}

bool same(double a, double b, double tolerance) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= tolerance * std::fmax(1, std::fabs(b));
}

void compare(const Case& c, double tolerance) {
  ThreadPool one(1), three(3);
  const size_t size = c.logits.size(), B = static_cast<size_t>(c.B);
  Floats losses(B, 5), alone(B, 5), again(B, 5), dlogits(size, 5), dagain(size, 5);
  kernels().ctcLoss(three, c.arguments(), losses.data(), dlogits.data());
  kernels().ctcLoss(one, c.arguments(), again.data(), dagain.data());
  kernels().ctcLoss(three, c.arguments(), alone.data(), nullptr);
  const auto identical = [](const Floats& a, const Floats& b) {
    return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  };
  check(identical(losses, again) && identical(dlogits, dagain), "CTC is the same with any number of threads");
  check(identical(losses, alone), "CTC's losses are the same without the gradient");
  Doubles expected(size);
  for (int b = 0; b < c.B; ++b) {
    Doubles gradient(static_cast<size_t>(c.F * c.V));
    const double loss = reference(c, b, gradient);
    check(same(losses[b], loss, 3e-7), "CTC's loss is %.9g, expected %.9g (B %d F %d V %d L %d)", losses[b], loss, c.B, c.F, c.V, c.L);
    for (int e = 0; e < c.F * c.V; ++e) {
      const double got = dlogits[static_cast<size_t>(b * c.F * c.V + e)];
      if (same(got, gradient[e], tolerance)) continue;
      return check(false, "CTC's dlogits[%d][%d] is %.9g, expected %.9g (F %d V %d L %d)", b, e, got, gradient[e], c.F, c.V, c.L);
    }
  }
  check(true, "");
}

// Numbers that scaled sums cannot hold: by logarithms, all the same.
void test_ranges() {
  Case c;
  c.F = 400, c.V = 3, c.L = 6;
  c.labels = {1, 1, 2, 1, 2, 2};
  c.frameLengths = {c.F}, c.labelLengths = {c.L};
  c.logits.assign(static_cast<size_t>(c.F * c.V), 0);
  const auto set_labels = [&](float low) {
    for (int e = 0; e < c.F * c.V; ++e) c.logits[static_cast<size_t>(e)] = e % c.V == 0 ? 0 : low;
  };
  for (const float low : {-50.0f, -69.0f, -70.0f, -100.0f, -300.0f}) {
    set_labels(low);
    compare(c, 2e-6);
  }
  // Most labels at the beginning, most frames at the end: what is probable so far is not what is from here on.
  set_labels(-20);
  for (int t = 0; t < c.F; ++t) c.logits[static_cast<size_t>(t * c.V + 1 + t % 2)] += t < 200 ? 45.0f : 0.0f;
  compare(c, 2e-6);
}

// What is no number comes out as such, and only in the row that it stands in.
void test_bad_numbers() {
  ThreadPool pool(2);
  for (const float bad : {NAN, INFINITY}) {
    Case c = random_case(2, 9, 5, 3, 1);
    c.frameLengths = {9, 9}, c.labelLengths = {3, 0};
    for (int e = 45; e < 90; ++e) c.logits[static_cast<size_t>(e)] = 1;
    c.logits[20] = bad;
    Floats losses(2), dlogits(90);
    kernels().ctcLoss(pool, c.arguments(), losses.data(), dlogits.data());
    check(std::isnan(losses[0]) && std::isnan(dlogits[static_cast<size_t>(c.blank)]), "CTC of NaN or infinity is NaN");
    check(same(losses[1], 9 * std::log(5), 3e-7) && !std::isnan(dlogits[89]), "CTC of the other row is not");
  }
  // A class that cannot be is as if it were not there; a label that cannot be makes the loss infinite.
  Case c = random_case(1, 9, 5, 2, 1);
  const int unused = (c.blank + 4) % 5;
  for (int t = 0; t < 9; ++t) c.logits[static_cast<size_t>(t * 5 + unused)] = -INFINITY;
  compare(c, 2e-6);
  for (int t = 0; t < 9; ++t) c.logits[static_cast<size_t>(t * 5 + c.labels[0])] = -INFINITY;
  compare(c, 2e-6);
}

}  // namespace

void test_ctc() {
  generator.seed(11);
  const int cases = quick ? 40 : 200;
  for (int n = 0; n < cases; ++n) {
    const float scale = std::vector<float>{0.1f, 1, 4, 20}[static_cast<size_t>(n % 4)];
    Case c = random_case(1 + below(5), 1 + below(n % 8 == 0 ? 200 : 33), 2 + below(40), below(n % 8 == 0 ? 60 : 9), scale);
    c.zeroInfinity = n % 3 == 0;
    compare(c, 2e-6);
  }
  compare(random_case(3, 20, 1033, 7, 3), 2e-6);
  test_ranges();
  test_bad_numbers();
}
