// Packed weights as JavaScript holds them: an external value with a type tag.
#pragma once

#include <memory>

#include "../kernels/kernels.h"
#include "arguments.h"

namespace cadenza::binding {

enum class Cell { lstm, gruResetAfter, gruResetBefore, rnn, matrix };

struct PackedHandle {
  // Null once freed; what was gathered to run later keeps the weights until then.
  std::shared_ptr<PackedWeights> weights;
  Cell cell;
  int64_t input;  // 0 when the kernel is not packed; the depth of a matrix
  int64_t hidden;  // the columns of a matrix
  const char* isa;
};

// Takes ownership of `weights`.
napi_value make_packed(napi_env env, PackedWeights* weights, Cell cell, int64_t input, int64_t hidden);
// The weights behind a value, after checking that they belong to this cell, these sizes and this instruction set.
const PackedHandle& read_packed(napi_env env, napi_value value, Cell cell, int64_t input, int64_t hidden);
// Frees the weights before the garbage collector would.
napi_value free_packed(Arguments& arguments);

}  // namespace cadenza::binding
