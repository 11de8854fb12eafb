// Kernels of single steps (decoding) and the packed weights that they read; decoder.h puts them together.
//
// A matrix [depth, columns] is packed for y = x M at a few rows of x, where reading the weights is what takes time. Its columns are
// put in groups of `lanes` (one vector), in any order and padded with zeros; panelVectors such vectors stand side by side in a
// panel, which is read from its first byte to its last: [words][vectors of the panel][lanes] words of 32 bits. A word holds one
// float, two bf16 or four int8 of one column, k rising from the low bits; depth is padded with zeros to whole words.
//
// Every column is summed by one accumulator over rising k, so that results are bit-identical whatever the number of rows or threads.
#pragma once

#include <cstdint>

#include "kernels.h"

namespace cadenza {

enum class WeightFormat { f32, bf16, int8 };
enum class StepCell { lstm, gruResetAfter, gruResetBefore, rnnTanh, rnnRelu };

constexpr int maximumPanelVectors = 8;

struct PackedMatrix {
  WeightFormat format = WeightFormat::f32;
  int64_t depth = 0, words = 0;
  int64_t vectors = 0, panelVectors = 1;  // the last panel has what is left
  const uint32_t* data = nullptr;
  const float* scales = nullptr;   // int8: [vectors * lanes]
  const int32_t* sums = nullptr;   // int8: 128 times the sum of each column, [vectors * lanes]
};

// Rows of inputs: floats padded with zeros to a multiple of 4 and, for int8 weights, the same rounded to int8 (words of four) with
// a scale for each row. Strides in floats and in words.
struct StepInput {
  const float* values = nullptr;
  int64_t stride = 0;
  const int32_t* quantised = nullptr;
  int64_t quantisedStride = 0;
  const float* scales = nullptr;
};

// One layer's step for all rows. Units are taken in groups of `lanes`; a panel of every matrix here holds all gates of
// unitPanels such groups. States are [rows, stride], padded with zeros.
struct StepLayerTask {
  StepCell cell = StepCell::lstm;
  int64_t rows = 0, groups = 0, unitPanels = 1, stride = 0;
  const PackedMatrix* kernel = nullptr;     // null: `start` holds the input products already
  const PackedMatrix* recurrent = nullptr;  // gruResetBefore: of z and r
  const PackedMatrix* candidate = nullptr;  // gruResetBefore: of n
  StepInput x, h, reset;
  const float* const* start = nullptr;      // for each row: bias, or input products with bias, in the kernel's order of columns
  const float* recurrentStart = nullptr;    // gruResetAfter: the recurrent bias, in that order
  const float* before = nullptr;            // h_{t-1}
  float* after = nullptr;                   // h_t
  float* cells = nullptr;                   // c, in place
  float* output = nullptr;                  // h_t + x, null where the layer has no residual connection
  float* update = nullptr;                  // gruResetBefore: z
  float* fresh = nullptr;                   // gruResetBefore: the input product of n
  float* resetValues = nullptr;             // gruResetBefore: r * h_{t-1}
  float zoneoutH = 0, zoneoutC = 0;
};

struct StepKernels {
  int lanes;  // floats of a vector
  // Panels [first, last) of a layer. gruResetBefore: z, r and r * h.
  void (*layer)(const StepLayerTask&, int64_t first, int64_t last);
  // gruResetBefore, when all of `reset` is there: n and h.
  void (*candidate)(const StepLayerTask&, int64_t first, int64_t last);
  // y [rows, columns] = x M + bias for panels [first, last); the bias is padded to whole vectors.
  void (*linear)(const PackedMatrix&, const StepInput& x, const float* bias, int64_t rows, int64_t columns, float* y, int64_t first,
                 int64_t last);
  // Rounds 4 * words floats to int8, x ~ scale * q with scale = max|x| / 127, and returns the scale (NaN when x holds one).
  float (*quantise)(const float* x, int64_t words, int32_t* q);
  // The largest of some logits; NaN when one is NaN or infinity.
  float (*largest)(const float* x, int64_t count);
  // weights = exp(x - largest) in float64, padded with zeros to whole blocks of 8, and the sum of each block; returns their sum.
  // Weights below 1e-307 become 0.
  double (*exponentials)(const float* x, int64_t count, float largest, double* weights, double* blocks);
  // The float32 product, whatever the precision of the instruction set.
  void (*gemm)(ThreadPool&, const GemmArguments&);
  // For tests: whether VNNI multiplies int8 where the CPU has it (from then on; inputs quantised before do not fit). Returns whether it
  // does now.
  bool (*useVnni)(bool);
};

}  // namespace cadenza
