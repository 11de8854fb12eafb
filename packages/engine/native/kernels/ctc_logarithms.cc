// CTC with logarithms of all sums, for what scaled sums cannot hold. Letters as in kernels.h; S = 2 L + 1.
#include "ctc.h"

#include <cmath>
#include <limits>
#include <new>

#include "memory.h"

namespace cadenza {
namespace {

constexpr double nothing = -std::numeric_limits<double>::infinity();

size_t doubles(int64_t rows, int64_t columns) { return bytes_of(rows, columns, sizeof(double)); }

// log(exp(a) + exp(b))
double log_add(double a, double b) {
  if (a < b) {
    const double larger = b;
    b = a;
    a = larger;
  }
  return b == nothing ? a : a + std::log(1 + std::exp(b - a));
}

// l' of equation 6's text: the labels with a blank before, between and after them.
int32_t label_of(const CtcUtterance& u, int64_t s) { return s % 2 == 1 ? u.labels[s / 2] : u.blank; }

// Whether an alignment may step from l'_{s-2} to l'_s.
bool skips(const CtcUtterance& u, int64_t s) { return s % 2 == 1 && s >= 3 && u.labels[s / 2] != u.labels[s / 2 - 1]; }

void log_softmax(const CtcUtterance& u, double* logY) {
  for (int64_t t = 0; t < u.frames; ++t) {
    const float* const x = u.logits + t * u.vocabulary;
    double largest = nothing, sum = 0;
    for (int64_t v = 0; v < u.vocabulary; ++v) largest = x[v] > largest || x[v] != x[v] ? x[v] : largest;
    for (int64_t v = 0; v < u.vocabulary; ++v) sum += std::exp(x[v] - largest);
    const double normalizer = largest + std::log(sum);
    for (int64_t v = 0; v < u.vocabulary; ++v) logY[t * u.vocabulary + v] = x[v] - normalizer;
  }
}

// log alpha [frames,S]; what cannot reach the end of the labels in the frames that are left counts for nothing.
void forward(const CtcUtterance& u, const double* logY, int64_t S, double* alpha) {
  for (int64_t e = 0; e < u.frames * S; ++e) alpha[e] = nothing;
  for (int64_t t = 0; t < u.frames; ++t) {
    const double* const before = alpha + (t - 1) * S;
    const int64_t low = S - 2 * (u.frames - t);
    for (int64_t s = low > 0 ? low : 0; s < S && s < 2 * (t + 1); ++s) {
      double sum = t == 0 ? 0 : before[s];
      if (t > 0 && s >= 1) sum = log_add(sum, before[s - 1]);
      if (t > 0 && skips(u, s)) sum = log_add(sum, before[s - 2]);
      alpha[t * S + s] = sum + logY[t * u.vocabulary + label_of(u, s)];
    }
  }
}

// log beta of a frame from the frame's after it.
void step_back(const CtcUtterance& u, const double* logYAfter, int64_t S, const double* after, double* beta) {
  for (int64_t s = 0; s < S; ++s) {
    double sum = after[s] + logYAfter[label_of(u, s)];
    if (s + 1 < S) sum = log_add(sum, after[s + 1] + logYAfter[label_of(u, s + 1)]);
    if (s + 2 < S && skips(u, s + 2)) sum = log_add(sum, after[s + 2] + logYAfter[label_of(u, s + 2)]);
    beta[s] = sum;
  }
}

void backward(const CtcUtterance& u, const double* logY, const double* alpha, int64_t S, double loss, float* dlogits) {
  const int64_t V = u.vocabulary;
  Scratch scratch(doubles(1, 2 * S + V));
  double *beta = scratch.as<double>(), *after = beta + S;
  double* const occupancy = after + S;
  for (int64_t s = 0; s < S; ++s) beta[s] = s >= S - 2 ? 0 : nothing;
  for (int64_t t = u.frames - 1; t >= 0; --t) {
    if (t < u.frames - 1) {
      double* const other = beta;
      beta = after;
      after = other;
      step_back(u, logY + (t + 1) * V, S, after, beta);
    }
    for (int64_t v = 0; v < V; ++v) occupancy[v] = 0;
    for (int64_t s = 0; s < S; ++s) occupancy[label_of(u, s)] += std::exp(alpha[t * S + s] + beta[s] + loss);
    for (int64_t v = 0; v < V; ++v) dlogits[t * V + v] = static_cast<float>(std::exp(logY[t * V + v]) - occupancy[v]);
  }
}

}  // namespace

double ctc_by_logarithms(const CtcUtterance& u, float* dlogits) {
  const int64_t S = 2 * u.count + 1;
  Scratch logarithms(doubles(u.frames, u.vocabulary));
  Scratch sums(doubles(u.frames, S));
  double* const logY = logarithms.as<double>();
  double* const alpha = sums.as<double>();
  log_softmax(u, logY);
  forward(u, logY, S, alpha);
  const int64_t last = u.frames * S - 1;
  const double total = S == 1 ? alpha[last] : log_add(alpha[last], alpha[last - 1]);
  const double loss = 0 - total;  // which is never -0
  if (dlogits && loss != -nothing) backward(u, logY, alpha, S, loss, dlogits);
  return loss;
}

}  // namespace cadenza
