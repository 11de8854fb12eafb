// One utterance of the CTC loss, as the kernel over scaled sums (ctc.inc) and the one over logarithms (ctc_logarithms.cc) see it.
#pragma once

#include <cstdint>

namespace cadenza {

struct CtcUtterance {
  int64_t frames = 0, vocabulary = 0;
  int64_t count = 0;                // L, the number of labels
  int32_t blank = 0;
  const float* logits = nullptr;    // [frames,V]
  const int32_t* labels = nullptr;  // [L]
};

// The loss in nats, every sum kept as a logarithm in float64: slower than ctc.inc by an order of magnitude, and right for whatever
// numbers, NaN and infinities included. dlogits [frames,V] may be null = not wanted; where the loss is infinite it is not written.
double ctc_by_logarithms(const CtcUtterance& utterance, float* dlogits);

}  // namespace cadenza
