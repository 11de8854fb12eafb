// What stands behind PackedWeights; one buffer holds it and its panels.
#pragma once

#include <cstdint>

#include "kernels.h"

namespace cadenza {

enum class PackedKind { lstm, gru, rnn, matrix };

struct PackedWeights {
  const char* isa;  // identity of the instruction set that packed it
  PackedKind kind;
  int64_t input;     // D when the kernel is held, else 0; the depth of a matrix
  int64_t hidden;    // H; the columns of a matrix
  float* kernel;     // panels or null
  float* recurrent;  // panels, those of a matrix too
};

}  // namespace cadenza
