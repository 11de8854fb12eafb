// What stands behind Decoder: packed weights, all in one buffer of the pool.
#pragma once

#include <functional>
#include <vector>

#include "decoder.h"

namespace cadenza {

// Memory of the pool, zeroed, for several arrays. `plan` is called twice with a function that gives memory for so many elements: first
// to find out how much there is to be had, then to hand it out.
class Arena {
 public:
  class Carver {
   public:
    template <typename T>
    T* take(int64_t count) {
      T* const result = base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + used_);
      used_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
      return result;
    }

   private:
    friend class Arena;
    char* base_ = nullptr;
    size_t used_ = 0;
  };

  Arena() = default;
  ~Arena() { deallocate(data_); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  void lay_out(const std::function<void(Carver&)>& plan);
  int64_t bytes() const { return static_cast<int64_t>(bytes_); }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// A packed matrix that owns its words until they are moved into the decoder's arena.
struct OwnedMatrix {
  PackedMatrix packed;
  std::vector<uint32_t> data;
  std::vector<float> scales;
  std::vector<int32_t> sums;

  bool present() const { return packed.vectors > 0; }
  bool whole() const { return present() && packed.format == WeightFormat::int8; }
  void move_into(Arena::Carver& carver);
};

// columns[v * lanes + lane] is the column of `view` that stands there, -1 for none.
OwnedMatrix pack_matrix(const MatrixView& view, const std::vector<int32_t>& columns, int lanes, int64_t panelVectors);
// Element (row, column) of a matrix as a float.
float element(const MatrixView& view, int64_t row, int64_t column);

struct DecoderLayer {
  StepCell cell = StepCell::lstm;
  int64_t units = 0, input = 0;  // input: D, 0 where a table stands for the input products
  int64_t groups = 0, unitPanels = 1, panels = 0, stride = 0;
  int64_t width = 0;  // floats of a row of input products: groups * gates * lanes
  OwnedMatrix kernel, recurrent, candidate;
  std::vector<float> startValues, recurrentValues;
  const float* start = nullptr;           // the bias, [width], or the table of all tokens, [V, width]
  const float* recurrentStart = nullptr;  // [width] or null
  float zoneoutH = 0, zoneoutC = 0;
  bool residual = false;

  bool has_cells() const { return cell == StepCell::lstm; }
  bool has_reset() const { return cell == StepCell::gruResetBefore; }
};

struct DecoderParts {
  const Kernels* kernels = nullptr;
  const StepKernels* steps = nullptr;
  int64_t vocabulary = 0;
  bool skipToOutput = false;
  bool complete = false;
  int64_t embeddingSize = 0;
  std::vector<float> embedding;  // [V, E], kept while it is needed
  std::vector<DecoderLayer> layers;
  OwnedMatrix output;
  std::vector<float> biasValues;
  const float* bias = nullptr;  // padded
  int64_t features = 0;         // what the output reads
  int64_t products = 0;         // multiplications of a step
  Arena arena;

  bool embeds() const { return embeddingSize > 0 && !embedding.empty(); }
};

}  // namespace cadenza
