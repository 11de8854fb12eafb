// Tests of decoding (kernels/decoder.h) against naive references in double; kernel_tests.cc calls them.
#include "decoder_tests.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "checks.h"
#include "decoder.h"
#include "team.h"

using namespace cadenza;

namespace {

std::mt19937 generator;

// A random matrix in one of the formats.
struct Matrix {
  WeightFormat format;
  int64_t rows, columns;
  Floats values, scales;
  std::vector<uint16_t> halves;
  std::vector<int8_t> bytes;

  Matrix(int64_t r, int64_t c, WeightFormat f) : format(f), rows(r), columns(c), values(static_cast<size_t>(r * c)), scales(static_cast<size_t>(c)) {
    std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(r)));
    for (float& x : values) x = normal(generator);
    for (int64_t j = 0; j < c; ++j) {
      float largest = 0;
      for (int64_t i = 0; i < r; ++i) largest = std::max(largest, std::fabs(values[at(i, j)]));
      scales[static_cast<size_t>(j)] = largest / 127;
    }
    for (int64_t i = 0; i < r; ++i) {
      for (int64_t j = 0; j < c; ++j) {
        uint32_t bits;
        std::memcpy(&bits, &values[at(i, j)], 4);
        halves.push_back(static_cast<uint16_t>(bits >> 16));
        bytes.push_back(static_cast<int8_t>(std::lrint(values[at(i, j)] / scales[static_cast<size_t>(j)])));
      }
    }
  }
  size_t at(int64_t i, int64_t j) const { return static_cast<size_t>(i * columns + j); }
  MatrixView view() const {
    const void* const data = format == WeightFormat::f32 ? static_cast<const void*>(values.data())
                             : format == WeightFormat::bf16 ? static_cast<const void*>(halves.data())
                                                            : bytes.data();
    return {format, rows, columns, data, format == WeightFormat::int8 ? scales.data() : nullptr};
  }
  double operator()(int64_t i, int64_t j) const {
    if (format == WeightFormat::f32) return values[at(i, j)];
    if (format == WeightFormat::int8) return static_cast<double>(bytes[at(i, j)]) * scales[static_cast<size_t>(j)];
    const uint32_t bits = uint32_t{halves[at(i, j)]} << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
  }
  // x M, x rounded to int8 where the weights are.
  Doubles product(const Doubles& x) const {
    Doubles y(static_cast<size_t>(columns)), rounded = x;
    if (format == WeightFormat::int8) {
      float largest = 0;
      for (double v : x) largest = std::max(largest, std::fabs(static_cast<float>(v)));
      const float inverse = largest > 0 ? 127 / largest : 0;
      for (double& v : rounded) v = std::nearbyint(static_cast<float>(v) * inverse) * (largest / 127);
    }
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) y[static_cast<size_t>(j)] += rounded[static_cast<size_t>(i)] * (*this)(i, j);
    }
    return y;
  }
};

struct Layer {
  StepCell cell;
  int64_t units;
  Matrix kernel, recurrent;
  Floats bias;
  float zoneoutH = 0, zoneoutC = 0;
  bool residual = false;

  int64_t gates() const { return cell == StepCell::lstm ? 4 : cell == StepCell::gruResetAfter || cell == StepCell::gruResetBefore ? 3 : 1; }
};

struct Model {
  int64_t vocabulary;
  std::unique_ptr<Matrix> embedding;
  std::vector<Layer> layers;
  std::unique_ptr<Matrix> output;
  Floats bias;
  bool skip = false;

  std::shared_ptr<Decoder> compile(ThreadPool& pool) const {
    auto decoder = std::make_shared<Decoder>(vocabulary, skip);
    if (embedding) decoder->embedding(embedding->view());
    for (const Layer& layer : layers) {
      DecoderLayerView view;
      view.cell = layer.cell, view.units = layer.units, view.kernel = layer.kernel.view(), view.recurrentKernel = layer.recurrent.view();
      view.bias = layer.bias.data(), view.zoneoutH = layer.zoneoutH, view.zoneoutC = layer.zoneoutC, view.residual = layer.residual;
      decoder->layer(pool, view);
    }
    decoder->output(output->view(), bias.data());
    return decoder;
  }
};

Floats random_floats(int64_t n) {
  std::normal_distribution<float> normal(0, 0.5f);
  Floats v(static_cast<size_t>(n));
  for (float& x : v) x = normal(generator);
  return v;
}

Model random_model(StepCell cell, WeightFormat format, int64_t V, int64_t E, std::vector<int64_t> units, bool skip, bool residual,
                   float zoneout) {
  Model model;
  model.vocabulary = V;
  model.skip = skip;
  if (E > 0) model.embedding = std::make_unique<Matrix>(V, E, format);
  int64_t below = E > 0 ? E : V, features = 0;
  for (size_t index = 0; index < units.size(); ++index) {
    const int64_t H = units[index], G = (cell == StepCell::lstm ? 4 : cell == StepCell::rnnTanh || cell == StepCell::rnnRelu ? 1 : 3) * H;
    Layer layer{cell, H, Matrix(below, G, format), Matrix(H, G, format), random_floats(cell == StepCell::gruResetAfter ? 2 * G : G)};
    layer.zoneoutH = zoneout, layer.zoneoutC = cell == StepCell::lstm ? zoneout / 2 : 0;
    layer.residual = residual && below == H && (index > 0 || E > 0);
    model.layers.push_back(std::move(layer));
    below = H;
    features = skip ? features + H : H;
  }
  model.output = std::make_unique<Matrix>(features, V, format);
  model.bias = random_floats(V);
  return model;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// The states of one text in double; the order of arrays is h and c of each layer.
struct Reference {
  const Model& model;
  bool folds;  // the first layer's input product does not pass through int8
  std::vector<Doubles> h, c;

  explicit Reference(const Model& m) : model(m), folds(!m.layers[0].residual) {
    for (const Layer& layer : m.layers) {
      h.emplace_back(static_cast<size_t>(layer.units));
      c.emplace_back(static_cast<size_t>(layer.units));
    }
  }

  Doubles step(int32_t token) {
    Doubles x, features;
    for (size_t index = 0; index < model.layers.size(); ++index) {
      const Layer& layer = model.layers[index];
      Doubles z;
      if (index == 0) {
        const Matrix& k = layer.kernel;
        if (model.embedding) {
          for (int64_t j = 0; j < model.embedding->columns; ++j) x.push_back((*model.embedding)(token, j));
          z.resize(static_cast<size_t>(k.columns));
          for (int64_t i = 0; i < k.rows; ++i) {
            for (int64_t j = 0; j < k.columns; ++j) z[static_cast<size_t>(j)] += x[static_cast<size_t>(i)] * k(i, j);
          }
          if (!folds) z = k.product(x);
        } else {
          for (int64_t j = 0; j < k.columns; ++j) z.push_back(k(token, j));
        }
      } else {
        z = layer.kernel.product(x);
      }
      const Doubles fresh = cell(layer, index, z);
      Doubles y = fresh;
      if (layer.residual) {
        for (size_t j = 0; j < y.size(); ++j) y[j] += x[j];
      }
      x = y;
      if (model.skip) features.insert(features.end(), y.begin(), y.end());
    }
    Doubles logits = model.output->product(model.skip ? features : x);
    for (size_t j = 0; j < logits.size(); ++j) logits[j] += model.bias[j];
    return logits;
  }

  Doubles cell(const Layer& layer, size_t index, const Doubles& z) {
    const size_t H = static_cast<size_t>(layer.units), G = H * static_cast<size_t>(layer.gates());
    Doubles& before = h[index];
    Doubles u = layer.recurrent.product(before), after(H);
    const bool resets = layer.cell == StepCell::gruResetBefore;
    if (resets) {
      Doubles r(H);
      for (size_t j = 0; j < H; ++j) r[j] = sigmoid(z[H + j] + layer.bias[H + j] + u[H + j]) * before[j];
      const Doubles n = layer.recurrent.product(r);
      for (size_t j = 2 * H; j < G; ++j) u[j] = n[j];
    }
    for (size_t j = 0; j < H; ++j) {
      const auto sum = [&](size_t gate) { return z[gate * H + j] + layer.bias[gate * H + j] + u[gate * H + j]; };
      const auto second = [&](size_t gate) { return static_cast<double>(layer.bias[G + gate * H + j]); };
      switch (layer.cell) {
        case StepCell::lstm: {
          const double cell = sigmoid(sum(1)) * c[index][j] + sigmoid(sum(0)) * std::tanh(sum(2));
          after[j] = sigmoid(sum(3)) * std::tanh(cell);
          c[index][j] = layer.zoneoutC * c[index][j] + (1 - layer.zoneoutC) * cell;
          break;
        }
        case StepCell::gruResetAfter: {
          const double update = sigmoid(sum(0) + second(0)), r = sigmoid(sum(1) + second(1));
          const double n = std::tanh(z[2 * H + j] + layer.bias[2 * H + j] + r * (u[2 * H + j] + second(2)));
          after[j] = update * before[j] + (1 - update) * n;
          break;
        }
        case StepCell::gruResetBefore: after[j] = sigmoid(sum(0)) * before[j] + (1 - sigmoid(sum(0))) * std::tanh(sum(2)); break;
        case StepCell::rnnTanh: after[j] = std::tanh(sum(0)); break;
        case StepCell::rnnRelu: after[j] = std::max(0.0, sum(0)); break;
      }
    }
    for (size_t j = 0; j < H; ++j) after[j] = layer.zoneoutH * before[j] + (1 - layer.zoneoutH) * after[j];
    before = after;
    return after;
  }
};

// Some steps of some texts beside the reference; single texts, threads and batches must agree bit for bit.
void test_model(const Model& model, double tolerance, const char* name) {
  constexpr int64_t B = 5;
  constexpr int steps = 6;
  ThreadPool one(1), two(2);
  const auto decoder = model.compile(one);
  const int64_t V = model.vocabulary;
  DecoderSession batch(decoder, B), threaded(decoder, B);
  std::vector<std::unique_ptr<DecoderSession>> singles;
  std::vector<Reference> references;
  for (int64_t b = 0; b < B; ++b) {
    singles.push_back(std::make_unique<DecoderSession>(decoder, 1));
    references.emplace_back(model);
  }
  Floats logits(static_cast<size_t>(B * V)), again(logits), single(static_cast<size_t>(V));
  double worst = 0;
  bool same = true;
  for (int s = 0; s < steps; ++s) {
    std::vector<int32_t> tokens;
    for (int64_t b = 0; b < B; ++b) tokens.push_back(static_cast<int32_t>(generator() % static_cast<unsigned>(V)));
    batch.step(one, tokens.data(), logits.data());
    threaded.step(two, tokens.data(), again.data());
    same = same && logits == again;
    for (int64_t b = 0; b < B; ++b) {
      singles[static_cast<size_t>(b)]->step(one, &tokens[static_cast<size_t>(b)], single.data());
      same = same && std::equal(single.begin(), single.end(), logits.begin() + b * V);
      const Doubles wanted = references[static_cast<size_t>(b)].step(tokens[static_cast<size_t>(b)]);
      for (int64_t j = 0; j < V; ++j) {
        const double got = logits[static_cast<size_t>(b * V + j)];
        worst = std::max(worst, std::isnan(got) ? INFINITY : std::fabs(got - wanted[static_cast<size_t>(j)]));
      }
    }
  }
  check(same, "%s: texts alone, in a batch and with threads", name);
  check(worst < tolerance, "%s: logits differ by %g", name, worst);
  for (int64_t layer = 0; layer < decoder->layers(); ++layer) {
    const int64_t H = decoder->units(layer);
    Floats state(static_cast<size_t>(B * H));
    batch.read_state(layer, false, state.data());
    double difference = 0;
    for (int64_t b = 0; b < B; ++b) {
      for (int64_t j = 0; j < H; ++j) {
        const double wanted = references[static_cast<size_t>(b)].h[static_cast<size_t>(layer)][static_cast<size_t>(j)];
        difference = std::max(difference, std::fabs(state[static_cast<size_t>(b * H + j)] - wanted));
      }
    }
    check(difference < tolerance, "%s: h of layer %d differs by %g", name, static_cast<int>(layer), difference);
  }
  // A state moved into another session goes on as in the first.
  DecoderSession moved(decoder, B);
  for (int64_t layer = 0; layer < decoder->layers(); ++layer) {
    Floats state(static_cast<size_t>(B * decoder->units(layer)));
    for (bool cells : {false, true}) {
      if (cells && !decoder->has_cells(layer)) continue;
      batch.read_state(layer, cells, state.data());
      moved.write_state(layer, cells, state.data());
    }
  }
  const std::vector<int32_t> tokens(B, 0);
  batch.step(one, tokens.data(), logits.data());
  moved.step(one, tokens.data(), again.data());
  check(logits == again, "%s: a state in another session", name);
}

void test_models() {
  const std::pair<StepCell, const char*> cells[] = {{StepCell::lstm, "lstm"},
                                                    {StepCell::gruResetAfter, "gru"},
                                                    {StepCell::gruResetBefore, "gru, reset before"},
                                                    {StepCell::rnnTanh, "rnn"},
                                                    {StepCell::rnnRelu, "rnn, relu"}};
  // int8: rounding may turn where a sum in float32 lies a hair beside that in double; one step of an input is 1/127 of the largest.
  const std::tuple<WeightFormat, const char*, double> formats[] = {
      {WeightFormat::f32, "f32", 1e-5}, {WeightFormat::bf16, "bf16", 1e-5}, {WeightFormat::int8, "int8", 2e-2}};
  for (const auto& [cell, cellName] : cells) {
    if (quick && cell != StepCell::lstm && cell != StepCell::gruResetBefore) continue;
    for (const auto& [format, formatName, tolerance] : formats) {
      const std::string name = std::string(cellName) + " " + formatName;
      test_model(random_model(cell, format, 7, 0, {1}, false, false, 0), tolerance, (name + ", one unit").c_str());
      test_model(random_model(cell, format, 11, 6, {33, 20}, false, false, 0), tolerance, (name + ", embedding").c_str());
      test_model(random_model(cell, format, 65, 0, {47, 47, 47}, true, true, 0.1f), tolerance, (name + ", skips").c_str());
      test_model(random_model(cell, format, 130, 24, {24, 24}, false, true, 0.2f), tolerance, (name + ", residual").c_str());
      test_model(random_model(cell, format, 40, 128, {128, 128}, false, false, 0), tolerance, (name + ", 128").c_str());
    }
  }
  // Formats may be mixed.
  Model mixed = random_model(StepCell::lstm, WeightFormat::int8, 20, 8, {40, 40}, false, false, 0);
  mixed.layers[1].recurrent = Matrix(40, 160, WeightFormat::f32);
  mixed.output = std::make_unique<Matrix>(40, 20, WeightFormat::bf16);
  test_model(mixed, 2e-2, "mixed formats");
}

// Draws with the naive loops of core's chooseToken.
int32_t choose(const Floats& logits, const SamplingOptions& o, double uniform) {
  std::vector<float> x = logits;
  const float nothing = -INFINITY;
  for (int64_t k = 0; k < o.bannedCount; ++k) x[static_cast<size_t>(o.banned[k])] = nothing;
  if (o.temperature == 0) return static_cast<int32_t>(std::max_element(x.begin(), x.end()) - x.begin());
  if (o.temperature != 1) {
    for (float& v : x) v = static_cast<float>(static_cast<double>(v) / o.temperature);
  }
  const auto order = [&] {
    std::vector<size_t> ids(x.size());
    for (size_t id = 0; id < ids.size(); ++id) ids[id] = id;
    std::stable_sort(ids.begin(), ids.end(), [&](size_t a, size_t b) { return x[a] > x[b]; });
    return ids;
  };
  const auto softmax = [&] {
    const float top = *std::max_element(x.begin(), x.end());
    Doubles p;
    for (float v : x) p.push_back(std::exp(static_cast<double>(v) - top));
    return p;
  };
  if (o.topK > 0 && o.topK < static_cast<int64_t>(x.size())) {
    const std::vector<size_t> ids = order();
    for (size_t k = static_cast<size_t>(o.topK); k < ids.size(); ++k) x[ids[k]] = nothing;
  }
  if (o.topP < 1) {
    const std::vector<size_t> ids = order();
    const Doubles p = softmax();
    double sum = 0, mass = 0;
    for (double v : p) sum += v;
    size_t count = 0;
    while (count < ids.size() && mass < o.topP) mass += p[ids[count++]] / sum;
    for (size_t k = count; k < ids.size(); ++k) x[ids[k]] = nothing;
  }
  const Doubles p = softmax();
  double sum = 0;
  for (double v : p) sum += v;
  double left = uniform * sum;
  int32_t last = -1;
  for (size_t id = 0; id < p.size(); ++id) {
    if (p[id] == 0) continue;
    if (left < p[id]) return static_cast<int32_t>(id);
    left -= p[id];
    last = static_cast<int32_t>(id);
  }
  return last;
}

void test_choice() {
  for (int64_t V : {1, 2, 7, 8, 9, 33, 65, 1000}) {
    if (quick && V > 9) continue;
    TokenChooser chooser(*kernels().steps, V);
    int wrong = 0, off = 0;
    for (int draw = 0; draw < 2000; ++draw) {
      Floats logits = random_floats(V);
      const float spread = static_cast<float>(generator() % 16);
      for (float& x : logits) x *= spread;
      if (draw % 7 == 0) {
        for (float& x : logits) x = std::round(x);  // equals
      }
      SamplingOptions o;
      const double temperatures[] = {1, 1, 0.5, 2, 0, 0.01};
      o.temperature = temperatures[generator() % 6];
      o.topK = generator() % 3 == 0 ? 1 + static_cast<int64_t>(generator() % 12) : 0;
      o.topP = generator() % 3 == 0 ? 0.05 + 0.9 * (static_cast<double>(generator()) / 4294967296.0) : 1;
      const std::vector<int32_t> banned = {static_cast<int32_t>(V / 2), 0};
      if (V > 2 && generator() % 2) o.banned = banned.data(), o.bannedCount = 2;
      // 0 would draw a weight below 1e-307, which here is none.
      const double uniform = draw % 50 == 0 && o.temperature > 0.1 ? 0 : static_cast<double>(generator()) / 4294967296.0;
      const SampledToken got = chooser.choose(logits.data(), o, uniform);
      wrong += got.token != choose(logits, o, uniform);
      double sum = 0;
      for (float x : logits) sum += std::exp(static_cast<double>(x));
      off += std::fabs(got.logProbability - (logits[static_cast<size_t>(got.token)] - std::log(sum))) > 1e-12 * (1 + spread);
    }
    check(wrong == 0, "%d of 2000 draws among %d differ", wrong, static_cast<int>(V));
    check(off == 0, "%d of 2000 log-probabilities among %d differ", off, static_cast<int>(V));
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
      for (int64_t at : {int64_t{0}, V - 1}) {
        Floats logits(static_cast<size_t>(V), bad == -INFINITY ? bad : 0.5f);
        logits[static_cast<size_t>(at)] = bad;
        bool thrown = false;
        try {
          chooser.choose(logits.data(), {}, 0.5);
        } catch (const KernelError&) {
          thrown = true;
        }
        check(thrown, "%g among %d logits", static_cast<double>(bad), static_cast<int>(V));
      }
    }
    Floats impossible(static_cast<size_t>(V), -INFINITY);
    impossible[static_cast<size_t>(V - 1)] = -800;
    for (double uniform : {0.0, 0.5, 0.9999999999}) {
      check(chooser.choose(impossible.data(), {}, uniform).token == V - 1, "the only possible one of %d", static_cast<int>(V));
    }
  }
}

void test_exponentials() {
  const StepKernels& steps = *kernels().steps;
  double worst = 0, denormal = 0;
  for (int part = 0; part < 1000; ++part) {
    Floats x(33);
    for (float& v : x) v = -static_cast<float>(generator() % 7400) / 10.0f + static_cast<float>(generator() % 1000) / 10000.0f - 0.1f;
    Doubles weights(48, -1), blocks(8);
    const double sum = steps.exponentials(x.data(), 33, 0, weights.data(), blocks.data());
    double plain = 0;
    for (size_t j = 0; j < x.size(); ++j) {
      const double wanted = std::exp(static_cast<double>(x[j]));
      plain += weights[j];
      if (wanted < 1e-306) {
        denormal = std::max(denormal, weights[j]);
      } else {
        worst = std::max(worst, std::fabs(weights[j] / wanted - 1));
      }
    }
    check(std::fabs(sum - plain) <= 1e-15 * plain && weights[39] == 0 && weights[40] == -1, "the sum of exponentials");
  }
  check(worst < 5e-16, "exp in float64 is off by %g", worst);
  check(denormal < 1e-306, "exp below what counts gave %g", denormal);
}

void test_sampling() {
  ThreadPool one(1), two(2);
  for (WeightFormat format : {WeightFormat::f32, WeightFormat::bf16, WeightFormat::int8}) {
    const Model model = random_model(StepCell::lstm, format, 65, 160, {160, 160}, false, false, 0);
    const auto decoder = model.compile(one);
    constexpr int64_t N = 300;
    Doubles uniforms(N), p(N), again(N);
    for (double& u : uniforms) u = static_cast<double>(generator()) / 4294967296.0;
    std::vector<int32_t> tokens(N), others(N);
    SampleArguments a;
    a.token = 3, a.count = N, a.uniforms = uniforms.data(), a.milliseconds = INFINITY, a.tokens = tokens.data(), a.logProbabilities = p.data();
    DecoderSession session(decoder, 1), threaded(decoder, 1), stepped(decoder, 1);
    check(session.sample(one, a) == N, "all tokens are drawn");
    // In pieces, with two threads.
    a.tokens = others.data(), a.logProbabilities = again.data();
    for (int64_t done = 0; done < N; done += 75) {
      SampleArguments part = a;
      part.token = done == 0 ? 3 : others[static_cast<size_t>(done - 1)];
      part.count = 75, part.uniforms += done, part.tokens += done, part.logProbabilities += done;
      check(threaded.sample(two, part) == 75, "a part of the tokens");
    }
    check(tokens == others && p == again, "draws with two threads, in pieces");
    // Step by step.
    TokenChooser chooser(*kernels().steps, 65);
    Floats logits(65);
    int32_t token = 3;
    bool same = true;
    for (size_t n = 0; n < N; ++n) {
      stepped.step(one, &token, logits.data());
      const SampledToken drawn = chooser.choose(logits.data(), {}, uniforms[n]);
      same = same && drawn.token == tokens[n] && drawn.logProbability == p[n];
      token = drawn.token;
    }
    check(same, "draws step by step");
    // The state has read all but the last.
    Floats h(160), h2(160);
    session.read_state(1, false, h.data());
    stepped.read_state(1, false, h2.data());
    check(h == h2, "the state after sampling");
    // A stop token, no time, and a bad logit.
    DecoderSession fresh(decoder, 1);
    const int32_t stop = tokens[20];
    a.stop = &stop, a.stops = 1;
    const int64_t drawn = fresh.sample(two, a);
    check(drawn <= 21 && others[static_cast<size_t>(drawn - 1)] == stop, "a stop token");
    a.stops = 0, a.milliseconds = 0;
    check(fresh.sample(two, a) == 1, "one token where there is no time");
    h.assign(160, NAN);
    fresh.write_state(1, false, h.data());
    bool thrown = false;
    try {
      a.milliseconds = INFINITY;
      fresh.sample(two, a);
    } catch (const KernelError&) {
      thrown = true;
    }
    check(thrown, "NaN in the state is found");
  }
}

void test_refusals() {
  ThreadPool one(1);
  const auto refused = [&](const char* name, const Model& model) {
    bool thrown = false;
    try {
      model.compile(one);
    } catch (const KernelError&) {
      thrown = true;
    }
    check(thrown, "%s is refused", name);
  };
  Model model = random_model(StepCell::lstm, WeightFormat::f32, 7, 5, {6, 6}, false, false, 0);
  model.layers[1].kernel = Matrix(5, 24, WeightFormat::f32);
  refused("a kernel of other rows", model);
  model = random_model(StepCell::lstm, WeightFormat::f32, 7, 5, {6}, false, false, 0);
  model.layers[0].recurrent = Matrix(6, 23, WeightFormat::f32);
  refused("a recurrent kernel of other columns", model);
  model = random_model(StepCell::lstm, WeightFormat::f32, 7, 5, {6}, false, false, 0);
  model.layers[0].residual = true;
  refused("a residual connection between sizes", model);
  model = random_model(StepCell::lstm, WeightFormat::f32, 7, 5, {6}, false, false, 0);
  model.output = std::make_unique<Matrix>(6, 8, WeightFormat::f32);
  refused("an output of other columns", model);
  model.layers.clear();
  refused("a model without layers", model);
}

void test_team() {
  ThreadPool pool(3);
  std::vector<int64_t> sums(3 * 64);
  struct Call {
    std::vector<int64_t>* sums;
  } call{&sums};
  for (int round = 0; round < 20; ++round) {
    Team::run(
        pool, 3,
        [](void* context, Team& team) {
          std::vector<int64_t>& s = *static_cast<Call*>(context)->sums;
          for (int task = 0; task < 500; ++task) {
            // Each part reads what the others wrote in the task before.
            team.each([&](int part) {
              int64_t seen = 0;
              for (int other = 0; other < team.parts(); ++other) seen += s[static_cast<size_t>(64 * other + 2 * (task % 8))];
              s[static_cast<size_t>(64 * part + 2 * ((task + 1) % 8))] = seen % 1000 + part + 1;
            });
          }
        },
        &call);
  }
  std::vector<int64_t> alone(3 * 64);
  for (int task = 0; task < 500 * 20; ++task) {
    const size_t from = 2 * static_cast<size_t>(task % 500 % 8), to = 2 * static_cast<size_t>((task % 500 + 1) % 8);
    const int64_t seen = alone[from] + alone[64 + from] + alone[128 + from];
    for (size_t part = 0; part < 3; ++part) alone[64 * part + to] = seen % 1000 + static_cast<int64_t>(part) + 1;
  }
  check(pool.threads() < 3 || sums == alone, "a team's tasks come one after the other");
}

}  // namespace

void test_decoder() {
  generator.seed(7);
  test_team();
  test_exponentials();
  test_choice();
  test_models();
  if (kernels().steps->useVnni(true)) {
    const std::string outer = context;
    context += " without VNNI";
    kernels().steps->useVnni(false);
    test_models();
    kernels().steps->useVnni(true);
    context = outer;
  }
  test_sampling();
  test_refusals();
}
