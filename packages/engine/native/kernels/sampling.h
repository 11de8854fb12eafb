// The choice of the next token from logits, as core's chooseToken makes it.
#pragma once

#include <cstdint>
#include <vector>

#include "step_kernels.h"

namespace cadenza {

struct SamplingOptions {
  double temperature = 1;          // 0 takes the most likely token
  int64_t topK = 0;                // 0 is off
  double topP = 1;                 // 1 is off
  const int32_t* banned = nullptr;  // never drawn
  int64_t bannedCount = 0;
};

struct SampledToken {
  int32_t token;
  double logProbability;  // under the logits as they came, in nats
};

// Chooses tokens from logits of one size: bans, temperature, top-k, then top-p narrow the distribution; the token is the first, in
// order of ids, at which the cumulated probability exceeds `uniform`. Holds the memory for it.
class TokenChooser {
 public:
  TokenChooser(const StepKernels& kernels, int64_t vocabulary);
  // Throws KernelError when a logit is NaN or infinity, or when nothing is left to choose.
  SampledToken choose(const float* logits, const SamplingOptions& options, double uniform);

 private:
  void keep_top(const SamplingOptions& options);
  int32_t draw(double sum, double uniform) const;

  const StepKernels& kernels_;
  int64_t size_;
  std::vector<float> filtered_;
  std::vector<double> weights_, blocks_;
  std::vector<int32_t> order_;
};

}  // namespace cadenza
