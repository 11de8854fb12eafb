#include "decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "decoder_parts.h"

namespace cadenza {
namespace {

// A table of input products stands for embedding and kernel up to this many floats (16 MiB).
constexpr int64_t largestTable = int64_t{4} << 20;

int gate_count(StepCell cell) {
  if (cell == StepCell::lstm) return 4;
  return cell == StepCell::rnnTanh || cell == StepCell::rnnRelu ? 1 : 3;
}

void expect(int64_t actual, int64_t expected, const char* what) {
  if (actual == expected) return;
  throw KernelError(std::string("Expected ") + what + " to be " + std::to_string(expected) + ", got " + std::to_string(actual));
}

// Columns of gates [from, to) in the order of packed layers: for each group of units its gates side by side.
std::vector<int32_t> gate_columns(int64_t units, int lanes, int from, int to) {
  const int64_t groups = (units + lanes - 1) / lanes;
  std::vector<int32_t> columns(static_cast<size_t>(groups * (to - from) * lanes), -1);
  for (int64_t unit = 0; unit < units; ++unit) {
    for (int gate = from; gate < to; ++gate) {
      const int64_t vector = unit / lanes * (to - from) + gate - from;
      columns[static_cast<size_t>(vector * lanes + unit % lanes)] = static_cast<int32_t>(gate * units + unit);
    }
  }
  return columns;
}

std::vector<float> arranged(const float* row, const std::vector<int32_t>& columns) {
  std::vector<float> result(columns.size());
  for (size_t j = 0; j < columns.size(); ++j) result[j] = columns[j] < 0 ? 0.0f : row[columns[j]];
  return result;
}

std::vector<float> floats_of(const MatrixView& view) {
  std::vector<float> result(static_cast<size_t>(view.rows * view.columns));
  for (int64_t r = 0; r < view.rows; ++r) {
    for (int64_t c = 0; c < view.columns; ++c) result[static_cast<size_t>(r * view.columns + c)] = element(view, r, c);
  }
  return result;
}

uint32_t word_of(const MatrixView& view, int64_t word, int64_t column) {
  const auto at = [&](int64_t k) { return k * view.columns + column; };
  uint32_t result = 0;
  switch (view.format) {
    case WeightFormat::f32: std::memcpy(&result, static_cast<const float*>(view.values) + at(word), 4); break;
    case WeightFormat::bf16:
      for (int64_t k = 2 * word; k < std::min(2 * word + 2, view.rows); ++k) {
        result |= uint32_t{static_cast<const uint16_t*>(view.values)[at(k)]} << (16 * (k & 1));
      }
      break;
    case WeightFormat::int8:
      for (int64_t k = 4 * word; k < std::min(4 * word + 4, view.rows); ++k) {
        result |= uint32_t{static_cast<uint8_t>(static_cast<const int8_t*>(view.values)[at(k)])} << (8 * (k & 3));
      }
      break;
  }
  return result;
}

}  // namespace

void Arena::lay_out(const std::function<void(Carver&)>& plan) {
  Carver carver;
  plan(carver);
  bytes_ = carver.used_;
  data_ = allocate(std::max<size_t>(bytes_, 64));
  std::memset(data_, 0, bytes_);
  carver = Carver();
  carver.base_ = static_cast<char*>(data_);
  plan(carver);
}

float element(const MatrixView& view, int64_t row, int64_t column) {
  const int64_t at = row * view.columns + column;
  switch (view.format) {
    case WeightFormat::f32: return static_cast<const float*>(view.values)[at];
    case WeightFormat::bf16: {
      const uint32_t bits = uint32_t{static_cast<const uint16_t*>(view.values)[at]} << 16;
      float value;
      std::memcpy(&value, &bits, 4);
      return value;
    }
    case WeightFormat::int8: return static_cast<float>(static_cast<const int8_t*>(view.values)[at]) * view.scales[column];
  }
  return 0;
}

OwnedMatrix pack_matrix(const MatrixView& view, const std::vector<int32_t>& columns, int lanes, int64_t panelVectors) {
  OwnedMatrix result;
  PackedMatrix& packed = result.packed;
  const int64_t perWord = view.format == WeightFormat::f32 ? 1 : view.format == WeightFormat::bf16 ? 2 : 4;
  packed.format = view.format;
  packed.depth = view.rows;
  packed.words = (view.rows + perWord - 1) / perWord;
  packed.vectors = static_cast<int64_t>(columns.size()) / lanes;
  packed.panelVectors = panelVectors;
  result.data.resize(columns.size() * static_cast<size_t>(packed.words));
  uint32_t* to = result.data.data();
  for (int64_t first = 0; first < packed.vectors; first += panelVectors) {
    const int64_t width = std::min(panelVectors, packed.vectors - first) * lanes;
    const int32_t* const column = columns.data() + first * lanes;
    for (int64_t word = 0; word < packed.words; ++word) {
      for (int64_t j = 0; j < width; ++j) *to++ = column[j] < 0 ? 0 : word_of(view, word, column[j]);
    }
  }
  if (view.format == WeightFormat::int8) {
    result.scales.resize(columns.size());
    result.sums.resize(columns.size());
    for (size_t j = 0; j < columns.size(); ++j) {
      if (columns[j] < 0) continue;
      result.scales[j] = view.scales[columns[j]];
      int32_t sum = 0;
      for (int64_t k = 0; k < view.rows; ++k) sum += static_cast<const int8_t*>(view.values)[k * view.columns + columns[j]];
      result.sums[j] = 128 * sum;
    }
  }
  return result;
}

void OwnedMatrix::move_into(Arena::Carver& carver) {
  const auto move = [&](auto& values, auto& pointer) {
    auto* const to = carver.take<std::decay_t<decltype(values[0])>>(static_cast<int64_t>(values.size()));
    pointer = to;
    if (to == nullptr || values.empty()) return;
    std::copy(values.begin(), values.end(), to);
    values = {};
  };
  if (!present()) return;
  move(data, packed.data);
  move(scales, packed.scales);
  move(sums, packed.sums);
}

Decoder::Decoder(int64_t vocabulary, bool skipToOutput) : parts_(new DecoderParts()) {
  if (vocabulary < 1) throw KernelError("Expected vocabularySize to be at least 1, got " + std::to_string(vocabulary));
  parts_->kernels = &kernels();
  parts_->steps = kernels().steps;
  parts_->vocabulary = vocabulary;
  parts_->skipToOutput = skipToOutput;
}
Decoder::~Decoder() = default;

void Decoder::embedding(const MatrixView& table) {
  DecoderParts& p = *parts_;
  if (!p.layers.empty() || p.embeddingSize > 0) throw KernelError("Expected the embedding to come once, before the layers");
  expect(table.rows, p.vocabulary, "the rows of the embedding");
  if (table.columns < 1) throw KernelError("Expected the columns of the embedding to be at least 1, got 0");
  p.embeddingSize = table.columns;
  p.embedding = floats_of(table);
}

namespace {

// The products of all tokens with the first layer's kernel, and its bias, in the order of packed columns.
void fold_table(ThreadPool& pool, const DecoderParts& p, const DecoderLayerView& view, const std::vector<int32_t>& columns,
                DecoderLayer& layer) {
  std::vector<float> rows = floats_of(view.kernel);  // [V, G] or [E, G]
  const int64_t wide = view.kernel.columns;
  if (p.embeddingSize > 0) {
    std::vector<float> products(static_cast<size_t>(p.vocabulary * wide));
    GemmArguments g;
    g.m = p.vocabulary, g.n = wide, g.k = p.embeddingSize;
    g.a = p.embedding.data(), g.lda = p.embeddingSize, g.b = rows.data(), g.ldb = wide, g.c = products.data(), g.ldc = wide;
    p.steps->gemm(pool, g);
    rows = std::move(products);
  }
  layer.startValues.reserve(static_cast<size_t>(p.vocabulary * layer.width));
  for (int64_t token = 0; token < p.vocabulary; ++token) {
    float* const row = rows.data() + token * wide;
    for (int64_t c = 0; c < wide; ++c) row[c] += view.bias[c];
    const std::vector<float> values = arranged(row, columns);
    layer.startValues.insert(layer.startValues.end(), values.begin(), values.end());
  }
}

}  // namespace

void Decoder::layer(ThreadPool& pool, const DecoderLayerView& view) {
  DecoderParts& p = *parts_;
  if (p.complete) throw KernelError("Expected layers to come before the output");
  if (view.units < 1) throw KernelError("Expected units to be at least 1, got " + std::to_string(view.units));
  const bool first = p.layers.empty();
  const bool tableGiven = first && p.embeddingSize == 0;
  const int64_t gates = gate_count(view.cell), wide = gates * view.units;
  const int64_t input = first ? (tableGiven ? p.vocabulary : p.embeddingSize) : p.layers.back().units;
  expect(view.kernel.rows, input, "the rows of a kernel");
  expect(view.kernel.columns, wide, "the columns of a kernel");
  expect(view.recurrentKernel.rows, view.units, "the rows of a recurrent kernel");
  expect(view.recurrentKernel.columns, wide, "the columns of a recurrent kernel");
  if (view.residual) expect(tableGiven ? 0 : input, view.units, "the input of a layer with a residual connection");

  const int lanes = p.steps->lanes;
  DecoderLayer layer;
  layer.cell = view.cell;
  layer.units = view.units;
  layer.groups = (view.units + lanes - 1) / lanes;
  layer.unitPanels = gates == 1 ? 8 : 2;
  layer.panels = (layer.groups + layer.unitPanels - 1) / layer.unitPanels;
  layer.stride = (view.units + 15) / 16 * 16;
  layer.width = layer.groups * gates * lanes;
  layer.zoneoutH = view.zoneoutH, layer.zoneoutC = view.zoneoutC, layer.residual = view.residual;

  const std::vector<int32_t> columns = gate_columns(view.units, lanes, 0, static_cast<int>(gates));
  const bool folds = tableGiven || (first && !view.residual && p.vocabulary * layer.width <= largestTable);
  if (folds) {
    fold_table(pool, p, view, columns, layer);
    p.embedding = {};
  } else {
    layer.input = input;
    layer.startValues = arranged(view.bias, columns);
    layer.kernel = pack_matrix(view.kernel, columns, lanes, layer.unitPanels * gates);
    p.products += input * wide;
  }
  const MatrixView& u = view.recurrentKernel;
  if (layer.has_reset()) {
    layer.recurrent = pack_matrix(u, gate_columns(view.units, lanes, 0, 2), lanes, layer.unitPanels * 2);
    layer.candidate = pack_matrix(u, gate_columns(view.units, lanes, 2, 3), lanes, layer.unitPanels);
  } else {
    layer.recurrent = pack_matrix(u, columns, lanes, layer.unitPanels * gates);
  }
  if (view.cell == StepCell::gruResetAfter) layer.recurrentValues = arranged(view.bias + wide, columns);
  p.products += view.units * wide;
  p.layers.push_back(std::move(layer));
}

void Decoder::output(const MatrixView& kernel, const float* bias) {
  DecoderParts& p = *parts_;
  if (p.complete) throw KernelError("Expected the output to come once");
  if (p.layers.empty()) throw KernelError("Expected at least one layer, got none");
  p.features = p.layers.back().units;
  if (p.skipToOutput) {
    p.features = 0;
    for (const DecoderLayer& layer : p.layers) p.features += layer.units;
  }
  expect(kernel.rows, p.features, "the rows of the output's kernel");
  expect(kernel.columns, p.vocabulary, "the columns of the output's kernel");
  const int lanes = p.steps->lanes;
  std::vector<int32_t> columns(static_cast<size_t>((p.vocabulary + lanes - 1) / lanes * lanes), -1);
  for (int64_t c = 0; c < p.vocabulary; ++c) columns[static_cast<size_t>(c)] = static_cast<int32_t>(c);
  p.output = pack_matrix(kernel, columns, lanes, maximumPanelVectors);
  p.biasValues.assign(columns.size(), 0.0f);
  if (bias) std::copy(bias, bias + p.vocabulary, p.biasValues.begin());
  p.products += p.features * p.vocabulary;
  // One buffer for all: beyond 2 MiB it lies in huge pages.
  p.arena.lay_out([&](Arena::Carver& carver) {
    const auto move = [&](std::vector<float>& values, const float*& pointer) {
      if (values.empty()) return;
      float* const to = carver.take<float>(static_cast<int64_t>(values.size()));
      pointer = to;
      if (to == nullptr) return;
      std::copy(values.begin(), values.end(), to);
      values = {};
    };
    for (DecoderLayer& layer : p.layers) {
      layer.kernel.move_into(carver);
      layer.recurrent.move_into(carver);
      layer.candidate.move_into(carver);
      move(layer.startValues, layer.start);
      move(layer.recurrentValues, layer.recurrentStart);
    }
    p.output.move_into(carver);
    move(p.biasValues, p.bias);
  });
  p.complete = true;
}

bool Decoder::complete() const { return parts_->complete; }
int64_t Decoder::vocabulary() const { return parts_->vocabulary; }
int64_t Decoder::layers() const { return static_cast<int64_t>(parts_->layers.size()); }
int64_t Decoder::units(int64_t layer) const { return parts_->layers[static_cast<size_t>(layer)].units; }
bool Decoder::has_cells(int64_t layer) const { return parts_->layers[static_cast<size_t>(layer)].has_cells(); }
int64_t Decoder::bytes() const { return parts_->arena.bytes() + static_cast<int64_t>(4 * parts_->embedding.size()); }

}  // namespace cadenza
