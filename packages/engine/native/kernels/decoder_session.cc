// Steps of a decoder: one task a layer for a team of threads, everything between them on the leading one.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

#include "decoder_parts.h"
#include "team.h"

namespace cadenza {
namespace {

// Multiplications from which a second thread pays, in a loop of steps and in a single one, and how many each should have.
constexpr int64_t loopProducts = 150000, stepProducts = 2000000, partProducts = 60000;

struct LayerState {
  float* h[2];          // [rows, stride]; the newest is h[now]
  float* cells;         // c
  float* output;        // h + x, null without a residual connection
  float* update;        // for GRU without resetAfter: z, the input product of n, r * h
  float* fresh;
  float* reset;
  int32_t *hWords, *outputWords, *resetWords;  // the same as int8, [rows, stride / 4]
  float *hScales, *outputScales, *resetScales;
};

int64_t padded(int64_t n) { return (n + 15) / 16 * 16; }

}  // namespace

struct DecoderSession::Impl {
  std::shared_ptr<const Decoder> decoder;
  const DecoderParts& parts;
  const int64_t rows;
  int now = 0;
  bool stale = true;  // the int8 forms of h do not fit h
  std::vector<LayerState> states;
  std::vector<const float*> starts;
  float* x = nullptr;  // embedded tokens, [rows, padded(E)]
  int32_t* xWords = nullptr;
  float* xScales = nullptr;
  float* features = nullptr;  // what the output reads when it reads several layers
  int32_t* featureWords = nullptr;
  float* featureScales = nullptr;
  std::vector<float> logits;
  TokenChooser chooser;
  Arena arena;

  Impl(std::shared_ptr<const Decoder> given, int64_t count)
      : decoder(std::move(given)),
        parts(decoder->parts()),
        rows(count),
        states(parts.layers.size()),
        starts(static_cast<size_t>(count)),
        chooser(*parts.steps, parts.vocabulary) {
    arena.lay_out([this](Arena::Carver& carver) { lay_out(carver); });
    if (rows == 1) logits.resize(static_cast<size_t>(parts.vocabulary));
  }

  void lay_out(Arena::Carver& carver) {
    const auto words = [&](int64_t stride) { return carver.take<int32_t>(rows * stride / 4); };
    for (size_t index = 0; index < states.size(); ++index) {
      const DecoderLayer& layer = parts.layers[index];
      LayerState& s = states[index];
      const int64_t stride = layer.stride;
      const auto floats = [&](bool wanted) { return wanted ? carver.take<float>(rows * stride) : nullptr; };
      s.h[0] = floats(true), s.h[1] = floats(true);
      s.cells = floats(layer.has_cells());
      s.output = floats(layer.residual);
      s.update = floats(layer.has_reset()), s.fresh = floats(layer.has_reset()), s.reset = floats(layer.has_reset());
      s.hWords = words(stride), s.hScales = carver.take<float>(rows);
      s.outputWords = words(stride), s.outputScales = carver.take<float>(rows);
      s.resetWords = words(stride), s.resetScales = carver.take<float>(rows);
    }
    const int64_t wide = padded(parts.embeds() ? parts.embeddingSize : 0);
    x = carver.take<float>(rows * wide), xWords = words(wide), xScales = carver.take<float>(rows);
    const int64_t read = parts.skipToOutput ? padded(parts.features) : 0;
    features = carver.take<float>(rows * read), featureWords = words(read), featureScales = carver.take<float>(rows);
  }

  // Rows with their int8 form, which is made here when `whole`.
  StepInput input(const float* values, int64_t stride, int32_t* q, float* scales, bool whole) const {
    if (whole) {
      for (int64_t r = 0; r < rows; ++r) scales[r] = parts.steps->quantise(values + r * stride, stride / 4, q + r * stride / 4);
    }
    return {values, stride, q, stride / 4, scales};
  }

  // Whether somebody reads layer `index`'s h, or its output, as int8.
  bool reads_words(size_t index, bool output) const {
    const DecoderLayer& layer = parts.layers[index];
    const bool last = index + 1 == parts.layers.size();
    const bool above = last ? (!parts.skipToOutput && parts.output.whole()) : parts.layers[index + 1].kernel.whole();
    if (output) return above;
    return layer.recurrent.whole() || (above && !layer.residual);
  }

  void refresh() {
    for (size_t index = 0; stale && index < states.size(); ++index) {
      LayerState& s = states[index];
      input(s.h[now], parts.layers[index].stride, s.hWords, s.hScales, reads_words(index, false));
    }
    stale = false;
  }

  StepInput embed(const int32_t* tokens, bool whole) {
    const int64_t wide = parts.embeddingSize, stride = padded(wide);
    for (int64_t r = 0; r < rows; ++r) std::memcpy(x + r * stride, parts.embedding.data() + tokens[r] * wide, sizeof(float) * wide);
    return input(x, stride, xWords, xScales, whole);
  }

  static void share(Team& team, int64_t panels, const StepLayerTask& task, void (*kernel)(const StepLayerTask&, int64_t, int64_t)) {
    const int64_t parts = team.parts();
    team.each([&](int part) { kernel(task, panels * part / parts, panels * (part + 1) / parts); });
  }

  // One layer's step; gives its output.
  StepInput run_layer(Team& team, size_t index, const int32_t* tokens, const StepInput& below) {
    const DecoderLayer& layer = parts.layers[index];
    LayerState& s = states[index];
    StepLayerTask task;
    task.cell = layer.cell, task.rows = rows, task.groups = layer.groups, task.unitPanels = layer.unitPanels, task.stride = layer.stride;
    for (int64_t r = 0; r < rows; ++r) starts[static_cast<size_t>(r)] = layer.start + (layer.input > 0 ? 0 : tokens[r] * layer.width);
    if (layer.kernel.present()) task.kernel = &layer.kernel.packed;
    task.recurrent = &layer.recurrent.packed;
    task.candidate = &layer.candidate.packed;
    task.start = starts.data(), task.recurrentStart = layer.recurrentStart;
    task.x = below;
    task.h = {s.h[now], layer.stride, s.hWords, layer.stride / 4, s.hScales};
    task.before = s.h[now], task.after = s.h[now ^ 1], task.cells = s.cells, task.output = s.output;
    task.update = s.update, task.fresh = s.fresh, task.resetValues = s.reset;
    task.zoneoutH = layer.zoneoutH, task.zoneoutC = layer.zoneoutC;
    share(team, layer.panels, task, parts.steps->layer);
    if (layer.has_reset()) {
      task.reset = input(s.reset, layer.stride, s.resetWords, s.resetScales, layer.candidate.whole());
      share(team, layer.panels, task, parts.steps->candidate);
    }
    const StepInput h = input(s.h[now ^ 1], layer.stride, s.hWords, s.hScales, reads_words(index, false));
    return layer.residual ? input(s.output, layer.stride, s.outputWords, s.outputScales, reads_words(index, true)) : h;
  }

  // Reads a token a row; logits [rows, V] unless null.
  void advance(Team& team, const int32_t* tokens, float* to) {
    refresh();
    StepInput below;
    if (parts.embeds()) below = embed(tokens, parts.layers[0].kernel.whole());
    const int64_t read = padded(parts.features);
    int64_t offset = 0;
    for (size_t index = 0; index < states.size(); ++index) {
      below = run_layer(team, index, tokens, below);
      const int64_t units = parts.layers[index].units;
      if (parts.skipToOutput) {
        for (int64_t r = 0; r < rows; ++r) std::memcpy(features + r * read + offset, below.values + r * below.stride, sizeof(float) * units);
      }
      offset += units;
    }
    now ^= 1;
    if (to == nullptr) return;
    if (parts.skipToOutput) below = input(features, read, featureWords, featureScales, parts.output.whole());
    const PackedMatrix& kernel = parts.output.packed;
    const int64_t panels = (kernel.vectors + kernel.panelVectors - 1) / kernel.panelVectors;
    const auto linear = [&](int64_t first, int64_t last) {
      parts.steps->linear(kernel, below, parts.bias, rows, parts.vocabulary, to, first, last);
    };
    if (parts.features * parts.vocabulary * rows < 2 * partProducts) return linear(0, panels);
    const int64_t count = team.parts();
    team.each([&](int part) { linear(panels * part / count, panels * (part + 1) / count); });
  }

  int helpers(int64_t least) const {
    const int64_t products = parts.products * rows;
    if (products < least) return 1;
    return static_cast<int>(std::min<int64_t>(Team::maximumParts, products / partProducts));
  }

  int64_t draw(Team& team, const SampleArguments& a) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    int32_t token = a.token;
    for (int64_t n = 0; n < a.count; ++n) {
      advance(team, &token, logits.data());
      const SampledToken drawn = chooser.choose(logits.data(), a.options, a.uniforms ? a.uniforms[n] : 0);
      a.tokens[n] = token = drawn.token;
      a.logProbabilities[n] = drawn.logProbability;
      if (std::find(a.stop, a.stop + a.stops, token) != a.stop + a.stops) return n + 1;
      const std::chrono::duration<double, std::milli> spent = Clock::now() - begin;
      if (spent.count() >= a.milliseconds) return n + 1;
    }
    return a.count;
  }
};

DecoderSession::DecoderSession(std::shared_ptr<const Decoder> decoder, int64_t rows) {
  if (!decoder->complete()) throw KernelError("Expected the decoder to have its output, got one that is not complete");
  if (rows < 1) throw KernelError("Expected batch to be at least 1, got " + std::to_string(rows));
  impl_ = std::make_unique<Impl>(std::move(decoder), rows);
}
DecoderSession::~DecoderSession() = default;

int64_t DecoderSession::rows() const { return impl_->rows; }
const Decoder& DecoderSession::decoder() const { return *impl_->decoder; }

void DecoderSession::step(ThreadPool& pool, const int32_t* tokens, float* logits) {
  struct Call {
    Impl* impl;
    const int32_t* tokens;
    float* logits;
  } call{impl_.get(), tokens, logits};
  const auto lead = [](void* context, Team& team) {
    const Call& c = *static_cast<Call*>(context);
    c.impl->advance(team, c.tokens, c.logits);
  };
  Team::run(pool, impl_->helpers(stepProducts), lead, &call);
}

int64_t DecoderSession::sample(ThreadPool& pool, const SampleArguments& arguments) {
  if (impl_->rows != 1) throw KernelError("Expected a session of one text to sample from, got " + std::to_string(impl_->rows));
  struct Call {
    Impl* impl;
    const SampleArguments* arguments;
    int64_t drawn;
  } call{impl_.get(), &arguments, 0};
  const auto lead = [](void* context, Team& team) {
    Call& c = *static_cast<Call*>(context);
    c.drawn = c.impl->draw(team, *c.arguments);
  };
  Team::run(pool, arguments.count > 1 ? impl_->helpers(loopProducts) : impl_->helpers(stepProducts), lead, &call);
  return call.drawn;
}

void DecoderSession::read_state(int64_t layer, bool cells, float* to) const {
  const LayerState& s = impl_->states[static_cast<size_t>(layer)];
  const int64_t units = decoder().units(layer), stride = padded(units);
  const float* const from = cells ? s.cells : s.h[impl_->now];
  for (int64_t r = 0; r < impl_->rows; ++r) std::memcpy(to + r * units, from + r * stride, sizeof(float) * static_cast<size_t>(units));
}

void DecoderSession::write_state(int64_t layer, bool cells, const float* from) {
  const LayerState& s = impl_->states[static_cast<size_t>(layer)];
  const int64_t units = decoder().units(layer), stride = padded(units);
  float* const to = cells ? s.cells : s.h[impl_->now];
  for (int64_t r = 0; r < impl_->rows; ++r) std::memcpy(to + r * stride, from + r * units, sizeof(float) * static_cast<size_t>(units));
  impl_->stale = true;
}

}  // namespace cadenza
