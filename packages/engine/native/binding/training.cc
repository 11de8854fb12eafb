// Embedding, softmax cross-entropy, dropout, optimizer.
#include "../kernels/kernels.h"
#include "exports.h"

namespace cadenza::binding {

namespace {

napi_value embedding_forward(Arguments& arguments) {
  const int64_t vocabulary = arguments.size("vocabulary");
  const int64_t width = arguments.size("width");
  const float* table = arguments.floats("table", elements({vocabulary, width}));
  int64_t count = 0;
  const int32_t* ids = arguments.integers("ids", -1, &count);
  check_range("ids", ids, count, 0, vocabulary);
  float* y = arguments.output("y", elements({count, width}));
  kernels().embeddingForward(default_pool(), table, width, ids, count, y);
  return nullptr;
}

napi_value embedding_backward(Arguments& arguments) {
  const int64_t vocabulary = arguments.size("vocabulary");
  const int64_t width = arguments.size("width");
  int64_t count = 0;
  const int32_t* ids = arguments.integers("ids", -1, &count);
  check_range("ids", ids, count, 0, vocabulary);
  const float* dy = arguments.floats("dy", elements({count, width}));
  float* dtable = arguments.output("dtable", elements({vocabulary, width}));
  if (width == 0) return nullptr;  // the vocabulary may then be larger than any memory
  kernels().embeddingBackward(default_pool(), dy, width, ids, count, vocabulary, dtable);
  return nullptr;
}

napi_value out_of_range(Arguments& arguments) {
  int64_t count = 0;
  const int32_t* ids = arguments.integers("ids", -1, &count);
  const int64_t limit = arguments.size("limit");
  napi_value result;
  check(arguments.env(), napi_create_int64(arguments.env(), first_out_of_range(ids, count, limit), &result));
  return result;
}

float read_smoothing(Arguments& arguments) {
  const double smoothing = arguments.number("smoothing");
  if (!(smoothing >= 0 && smoothing < 1)) refuse("smoothing", "in [0, 1)", std::to_string(smoothing));
  return static_cast<float>(smoothing);
}

napi_value softmax_cross_entropy_forward(Arguments& arguments) {
  const int64_t rows = arguments.size("rows");
  const int64_t columns = arguments.size("columns");
  const float smoothing = read_smoothing(arguments);
  const float* logits = arguments.floats("logits", elements({rows, columns}));
  const int32_t* labels = arguments.integers("labels", rows);
  check_range("labels", labels, rows, -1, columns);
  float* losses = arguments.output("losses", rows);
  float* normalizers = arguments.output("normalizers", 2 * rows);
  kernels().softmaxCrossEntropyForward(default_pool(), logits, labels, rows, columns, smoothing, losses, normalizers);
  return nullptr;
}

napi_value softmax_cross_entropy_backward(Arguments& arguments) {
  const int64_t rows = arguments.size("rows");
  const int64_t columns = arguments.size("columns");
  const float smoothing = read_smoothing(arguments);
  const float* logits = arguments.floats("logits", elements({rows, columns}));
  const int32_t* labels = arguments.integers("labels", rows);
  check_range("labels", labels, rows, -1, columns);
  const float* normalizers = arguments.floats("normalizers", 2 * rows);
  const float* dy = arguments.floats("dy", rows);
  float* dlogits = arguments.output("dlogits", elements({rows, columns}));
  kernels().softmaxCrossEntropyBackward(default_pool(), logits, labels, normalizers, dy, rows, columns, smoothing, dlogits);
  return nullptr;
}

napi_value consistency_forward(Arguments& arguments) {
  const int64_t rows = arguments.size("rows");
  const int64_t columns = arguments.size("columns");
  const float* logits = arguments.floats("logits", elements({2, rows, columns}));
  const int32_t* labels = arguments.integers("labels", rows);
  float* losses = arguments.output("losses", rows);
  float* normalizers = arguments.output("normalizers", 4 * rows);
  float* divergence = arguments.output("divergence", 2 * rows);
  kernels().consistencyForward(default_pool(), logits, labels, rows, columns, losses, normalizers, divergence);
  return nullptr;
}

napi_value consistency_backward(Arguments& arguments) {
  const int64_t rows = arguments.size("rows");
  const int64_t columns = arguments.size("columns");
  const float* logits = arguments.floats("logits", elements({2, rows, columns}));
  const int32_t* labels = arguments.integers("labels", rows);
  const float* normalizers = arguments.floats("normalizers", 4 * rows);
  const float* divergence = arguments.floats("divergence", 2 * rows);
  const float* dy = arguments.floats("dy", rows);
  float* dlogits = arguments.output("dlogits", elements({2, rows, columns}));
  kernels().consistencyBackward(default_pool(), logits, labels, normalizers, divergence, dy, rows, columns, dlogits);
  return nullptr;
}

napi_value softmax(Arguments& arguments) {
  const int64_t rows = arguments.size("rows");
  const int64_t columns = arguments.size("columns");
  const bool logarithm = arguments.boolean("logarithm");
  const float* x = arguments.floats("x", elements({rows, columns}));
  float* y = arguments.output("y", elements({rows, columns}));
  if (columns == 0) return nullptr;
  kernels().softmax(default_pool(), x, rows, columns, logarithm, y);
  return nullptr;
}

napi_value adam(Arguments& arguments) {
  AdamArguments a;
  a.parameter = arguments.floats("parameter", -1, &a.size);
  a.gradient = arguments.floats("gradient", a.size);
  a.m = arguments.floats("m", a.size);
  a.v = arguments.floats("v", a.size);
  a.learningRate = arguments.number("learningRate");
  a.beta1 = arguments.number("beta1");
  a.beta2 = arguments.number("beta2");
  a.epsilon = arguments.number("epsilon");
  a.weightDecay = arguments.number("weightDecay");
  a.gradientScale = arguments.number("gradientScale");
  a.biasCorrection1 = arguments.number("biasCorrection1");
  a.biasCorrection2 = arguments.number("biasCorrection2");
  a.parameterOut = arguments.output("parameterOut", a.size);
  a.mOut = arguments.output("mOut", a.size);
  a.vOut = arguments.output("vOut", a.size);
  kernels().adam(default_pool(), a);
  return nullptr;
}

napi_value lerp(Arguments& arguments) {
  int64_t size = 0;
  const float* a = arguments.floats("a", -1, &size);
  const float* b = arguments.floats("b", size);
  const double weight = arguments.number("weight");
  float* y = arguments.output("y", size);
  kernels().lerp(default_pool(), a, b, static_cast<float>(weight), size, y);
  return nullptr;
}

napi_value sum_squares(Arguments& arguments) {
  int64_t size = 0;
  const float* x = arguments.floats("x", -1, &size);
  napi_value result;
  check(arguments.env(), napi_create_double(arguments.env(), kernels().sumSquares(default_pool(), x, size), &result));
  return result;
}

double read_rate(Arguments& arguments) {
  const double rate = arguments.number("rate");
  if (!(rate >= 0 && rate < 1)) refuse("rate", "in [0, 1)", std::to_string(rate));
  return rate;
}

napi_value dropout(Arguments& arguments) {
  int64_t size = 0;
  const float* x = arguments.floats("x", -1, &size);
  const double rate = read_rate(arguments);
  const uint32_t seed0 = arguments.word("seed[0]");
  const uint32_t seed1 = arguments.word("seed[1]");
  float* y = arguments.output("y", size);
  kernels().dropout(default_pool(), x, size, rate, seed0, seed1, y);
  return nullptr;
}

napi_value locked_dropout(Arguments& arguments) {
  const int64_t batch = arguments.size("batch");
  const int64_t time = arguments.size("time");
  const int64_t width = arguments.size("width");
  const float* x = arguments.floats("x", elements({batch, time, width}));
  const double rate = read_rate(arguments);
  const uint32_t seed0 = arguments.word("seed[0]");
  const uint32_t seed1 = arguments.word("seed[1]");
  float* y = arguments.output("y", elements({batch, time, width}));
  if (width == 0) return nullptr;
  kernels().lockedDropout(default_pool(), x, batch, time, width, rate, seed0, seed1, y);
  return nullptr;
}

napi_value dropout_mask(Arguments& arguments) {
  const int64_t size = arguments.size("size");
  const double rate = arguments.number("rate");
  if (!(rate >= 0 && rate <= 1)) refuse("rate", "in [0, 1]", std::to_string(rate));
  const uint32_t seed0 = arguments.word("seed[0]");
  const uint32_t seed1 = arguments.word("seed[1]");
  const double keepValue = arguments.number("keepValue");
  float* y = arguments.output("y", size);
  kernels().dropoutMask(default_pool(), size, rate, seed0, seed1, static_cast<float>(keepValue), y);
  return nullptr;
}

}  // namespace

const std::vector<Export>& training_exports() {
  static const std::vector<Export> exports = {
      {"embeddingForward", callback<embedding_forward>},
      {"embeddingBackward", callback<embedding_backward>},
      {"firstOutOfRange", callback<out_of_range>},
      {"softmaxCrossEntropyForward", callback<softmax_cross_entropy_forward>},
      {"softmaxCrossEntropyBackward", callback<softmax_cross_entropy_backward>},
      {"consistencyForward", callback<consistency_forward>},
      {"consistencyBackward", callback<consistency_backward>},
      {"softmax", callback<softmax>},
      {"adam", callback<adam>},
      {"lerp", callback<lerp>},
      {"sumSquares", callback<sum_squares>},
      {"dropout", callback<dropout>},
      {"lockedDropout", callback<locked_dropout>},
      {"dropoutMask", callback<dropout_mask>},
  };
  return exports;
}

}  // namespace cadenza::binding
