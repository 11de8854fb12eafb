// What stands behind PackedWeights; one buffer holds it and its panels.
#pragma once

#include <cstdint>

#include "kernels.h"

namespace cadenza {

enum class PackedKind { lstm, gru, rnn };

struct PackedWeights {
  const char* isa;  // identity of the instruction set that packed it
  PackedKind kind;
  int64_t input;     // D when the kernel is held, else 0
  int64_t hidden;
  float* kernel;     // panels or null
  float* recurrent;  // panels
};

}  // namespace cadenza
