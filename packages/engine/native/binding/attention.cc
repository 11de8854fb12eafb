// Attention, and the most probable classes of rows.
#include <algorithm>

#include "../kernels/kernels.h"
#include "exports.h"

namespace cadenza::binding {

namespace {

AttentionArguments read_attention(Arguments& arguments) {
  AttentionArguments a;
  a.batch = arguments.size("batch");
  a.time = arguments.size("time");
  a.positions = arguments.size("positions");
  a.width = arguments.size("width");
  a.valueWidth = arguments.size("valueWidth");
  a.heads = arguments.size("heads");
  if (a.heads < 1 || a.width % a.heads != 0 || a.valueWidth % a.heads != 0) {
    refuse("heads", "a divisor of width and valueWidth", std::to_string(a.heads));
  }
  a.scale = static_cast<float>(arguments.number("scale"));
  a.query = arguments.floats("query", elements({a.batch, a.time, a.width}));
  a.keys = arguments.floats("keys", elements({a.batch, a.positions, a.width}));
  a.values = arguments.floats("values", elements({a.batch, a.positions, a.valueWidth}));
  a.vector = arguments.optional_floats("vector", a.width);
  a.lengths = arguments.optional_integers("lengths", a.batch);
  if (a.lengths != nullptr) check_range("lengths", a.lengths, a.batch, 0, a.positions + 1);
  return a;
}

napi_value attention_forward(Arguments& arguments) {
  const AttentionArguments a = read_attention(arguments);
  const int64_t contextSize = elements({a.batch, a.time, a.valueWidth});
  const int64_t weightsSize = elements({a.batch, a.heads, a.time, a.positions});
  AttentionOutputs out;
  out.context = arguments.output("context", contextSize);
  out.weights = arguments.output("weights", weightsSize);
  if (contextSize + weightsSize == 0) return nullptr;  // the batch may then be larger than any memory
  kernels().attentionForward(default_pool(), a, out);
  return nullptr;
}

napi_value attention_backward(Arguments& arguments) {
  const AttentionArguments a = read_attention(arguments);
  const int64_t weightsSize = elements({a.batch, a.heads, a.time, a.positions});
  AttentionGradients g;
  g.weights = arguments.floats("weights", weightsSize);
  g.dcontext = arguments.floats("dcontext", elements({a.batch, a.time, a.valueWidth}));
  g.dweights = arguments.optional_floats("dweights", weightsSize);
  g.dquery = arguments.output("dquery", elements({a.batch, a.time, a.width}));
  g.dkeys = arguments.output("dkeys", elements({a.batch, a.positions, a.width}));
  g.dvalues = arguments.output("dvalues", elements({a.batch, a.positions, a.valueWidth}));
  if (a.vector == nullptr && !arguments.next_is_null()) refuse("dvector", "null without a vector", "an array");
  if (a.vector != nullptr) g.dvector = arguments.output("dvector", a.width);
  if (a.batch == 0 || a.time + a.positions == 0 || a.width + a.valueWidth == 0) {
    if (g.dvector != nullptr) std::fill_n(g.dvector, a.width, 0.0f);
    return nullptr;  // as above
  }
  kernels().attentionBackward(default_pool(), a, g);
  return nullptr;
}

napi_value top_log_probabilities(Arguments& arguments) {
  const int64_t rows = arguments.size("rows");
  const int64_t columns = arguments.size("columns");
  const int64_t count = arguments.size("count");
  if (count < 1 || count > columns) refuse("count", "from 1 to the number of columns", std::to_string(count));
  const float* x = arguments.floats("x", elements({rows, columns}));
  float* values = arguments.output("values", elements({rows, count}));
  int32_t* ids = arguments.integer_output("ids", elements({rows, count}));
  kernels().topLogProbabilities(default_pool(), x, rows, columns, count, values, ids);
  return nullptr;
}

}  // namespace

const std::vector<Export>& attention_exports() {
  static const std::vector<Export> exports = {
      {"attentionForward", callback<attention_forward>},
      {"attentionBackward", callback<attention_backward>},
      {"topLogProbabilities", callback<top_log_probabilities>},
  };
  return exports;
}

}  // namespace cadenza::binding
