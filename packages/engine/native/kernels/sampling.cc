#include "sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cadenza {
namespace {

constexpr float nothing = -std::numeric_limits<float>::infinity();

// The largest logit, which is finite where there is something to choose.
float largest_of(const StepKernels& kernels, const float* logits, int64_t size) {
  const float largest = kernels.largest(logits, size);
  if (std::isnan(largest)) throw KernelError("Expected logits to be numbers below infinity, got NaN or infinity");
  if (largest == nothing) throw KernelError("Expected at least one token to choose from, got none: all are banned");
  return largest;
}

}  // namespace

TokenChooser::TokenChooser(const StepKernels& kernels, int64_t vocabulary)
    : kernels_(kernels),
      size_(vocabulary),
      filtered_(static_cast<size_t>(vocabulary)),
      weights_(static_cast<size_t>(vocabulary + 8)),
      blocks_(static_cast<size_t>(vocabulary / 8 + 1)) {}

// Makes all but the most likely tokens impossible: the topK largest logits (the lower id of equals), then the fewest of those whose
// probabilities add up to topP.
void TokenChooser::keep_top(const SamplingOptions& options) {
  order_.resize(static_cast<size_t>(size_));
  for (int64_t id = 0; id < size_; ++id) order_[static_cast<size_t>(id)] = static_cast<int32_t>(id);
  const float* x = filtered_.data();
  const auto before = [x](int32_t a, int32_t b) { return x[a] == x[b] ? a < b : x[a] > x[b]; };
  int64_t kept = options.topK > 0 ? std::min(options.topK, size_) : size_;
  std::partial_sort(order_.begin(), order_.begin() + kept, order_.end(), before);
  const auto forget = [&](int64_t from) {
    for (int64_t k = from; k < size_; ++k) filtered_[static_cast<size_t>(order_[static_cast<size_t>(k)])] = nothing;
  };
  forget(kept);
  if (options.topP >= 1) return;
  const float largest = largest_of(kernels_, x, size_);
  const double logSum = std::log(kernels_.exponentials(x, size_, largest, weights_.data(), blocks_.data()));
  double mass = 0;
  int64_t count = 0;
  while (count < kept && mass < options.topP) {
    mass += std::exp(static_cast<double>(x[order_[static_cast<size_t>(count++)]]) - largest - logSum);
  }
  forget(count);
}

int32_t TokenChooser::draw(double sum, double uniform) const {
  double left = uniform * sum;
  int64_t last = -1;
  for (int64_t begin = 0; begin < size_; begin += 8) {
    const double block = blocks_[static_cast<size_t>(begin / 8)];
    if (left >= block && begin + 8 < size_) {
      left -= block;
      if (block > 0) last = begin;
      continue;
    }
    for (int64_t id = begin; id < std::min(begin + 8, size_); ++id) {
      const double weight = weights_[static_cast<size_t>(id)];
      if (weight == 0) continue;
      if (left < weight) return static_cast<int32_t>(id);
      left -= weight;
      last = id;
    }
  }
  // Only where rounding leaves the weights a hair below their sum: the last one that there is.
  const int64_t end = std::min(last + 8, size_);
  for (int64_t id = last; id < end; ++id) {
    if (weights_[static_cast<size_t>(id)] > 0) last = id;
  }
  return static_cast<int32_t>(last);
}

SampledToken TokenChooser::choose(const float* logits, const SamplingOptions& options, double uniform) {
  const float largest = largest_of(kernels_, logits, size_);
  const double sum = kernels_.exponentials(logits, size_, largest, weights_.data(), blocks_.data());
  const double logSum = std::log(sum);
  const auto chosen = [&](int32_t id) { return SampledToken{id, static_cast<double>(logits[id]) - largest - logSum}; };
  const bool narrowed = (options.topK > 0 && options.topK < size_) || options.topP < 1;
  if (options.temperature == 1 && options.bannedCount == 0 && !narrowed) return chosen(draw(sum, uniform));

  std::copy(logits, logits + size_, filtered_.begin());
  for (int64_t k = 0; k < options.bannedCount; ++k) filtered_[static_cast<size_t>(options.banned[k])] = nothing;
  if (options.temperature == 0) {
    const auto best = std::max_element(filtered_.begin(), filtered_.end());
    if (*best == nothing) largest_of(kernels_, filtered_.data(), size_);  // throws
    return chosen(static_cast<int32_t>(best - filtered_.begin()));
  }
  if (options.temperature != 1) {
    for (float& x : filtered_) x = static_cast<float>(static_cast<double>(x) / options.temperature);
  }
  if (narrowed) keep_top(options);
  const float top = largest_of(kernels_, filtered_.data(), size_);
  return chosen(draw(kernels_.exponentials(filtered_.data(), size_, top, weights_.data(), blocks_.data()), uniform));
}

}  // namespace cadenza
