// Language models a token at a time: table or embedding, recurrent layers, logits, the choice of the next token. The weights are
// packed once, for the instruction set in use at that time; sessions hold the states of some texts.
#pragma once

#include <memory>
#include <vector>

#include "sampling.h"
#include "step_kernels.h"

namespace cadenza {

class Team;

// A matrix [rows, columns], row-major; element (r, c) is values[r * columns + c], times scales[c] for int8.
struct MatrixView {
  WeightFormat format = WeightFormat::f32;
  int64_t rows = 0, columns = 0;
  const void* values = nullptr;  // float, uint16_t or int8_t
  const float* scales = nullptr;
};

struct DecoderLayerView {
  StepCell cell = StepCell::lstm;
  int64_t units = 0;
  MatrixView kernel, recurrentKernel;  // [D, G] or, in the first layer without embedding, [V, G]; [H, G]
  const float* bias = nullptr;         // [4H], [2, 3H] (gruResetAfter), [3H] or [H]
  float zoneoutH = 0, zoneoutC = 0;
  bool residual = false;
};

struct DecoderParts;

// Built by calls in this order: embedding (or none), layers from the lowest, output. Throws KernelError for sizes that do not fit
// together.
class Decoder {
 public:
  explicit Decoder(int64_t vocabulary, bool skipToOutput);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void embedding(const MatrixView& table);  // [V, E]
  void layer(ThreadPool& pool, const DecoderLayerView& layer);
  void output(const MatrixView& kernel, const float* bias);  // [P, V], [V] or null

  bool complete() const;
  int64_t vocabulary() const;
  int64_t layers() const;
  int64_t units(int64_t layer) const;
  bool has_cells(int64_t layer) const;
  int64_t bytes() const;  // of the packed weights
  const DecoderParts& parts() const { return *parts_; }

 private:
  std::unique_ptr<DecoderParts> parts_;
};

// What sample() is to draw.
struct SampleArguments {
  int32_t token = 0;  // read before the first draw
  int64_t count = 0;
  const double* uniforms = nullptr;  // [count]; not read at temperature 0
  SamplingOptions options;
  const int32_t* stop = nullptr;  // drawing one of these ends the call
  int64_t stops = 0;
  double milliseconds = 0;  // returns early once so much time is spent, after at least one token
  int32_t* tokens = nullptr;             // [count]
  double* logProbabilities = nullptr;    // [count]
};

class DecoderSession {
 public:
  // States zero.
  DecoderSession(std::shared_ptr<const Decoder> decoder, int64_t rows);
  ~DecoderSession();
  DecoderSession(const DecoderSession&) = delete;
  DecoderSession& operator=(const DecoderSession&) = delete;

  int64_t rows() const;
  const Decoder& decoder() const;
  // Reads one token a row (ids in [0, V)) and gives logits [rows, V].
  void step(ThreadPool& pool, const int32_t* tokens, float* logits);
  // Draws tokens one after the other, one row only; returns how many.
  int64_t sample(ThreadPool& pool, const SampleArguments& arguments);
  // h (or, cells, c) of a layer, [rows, units].
  void read_state(int64_t layer, bool cells, float* to) const;
  void write_state(int64_t layer, bool cells, const float* from);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cadenza
