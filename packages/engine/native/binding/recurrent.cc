// LSTM, GRU and Elman network. The order of the arguments is that of the reads below; `*Arguments` in kernels.h says what
// each is.
#include <functional>
#include <memory>
#include <string>

#include "../kernels/kernels.h"
#include "../kernels/threads.h"
#include "exports.h"
#include "packed.h"

namespace cadenza::binding {

namespace {

// What recurrent kernels have to do, and the packed weights that they do it with, which may be freed meanwhile.
struct Gathered {
  std::vector<std::function<void()>> works;
  std::vector<std::shared_ptr<const PackedWeights>> weights;
};

// Where `together` gathers that, instead of doing it at once.
thread_local Gathered* gathered = nullptr;

// `work` reads nothing of the call's: arguments and outputs are copied into it.
template <typename Work>
void run_or_gather(const Work& work) {
  if (gathered) {
    gathered->works.push_back(work);
  } else {
    work();
  }
}

// The width of h.
template <typename Cellular>
int64_t state_width(const Cellular& a) {
  return a.hidden;
}
int64_t state_width(const LstmArguments& a) { return a.projected > 0 ? a.projected : a.hidden; }

// What all three cells take, gates = how many blocks of H the kernels have, biasBlocks = how many the bias has.
template <typename Cellular>
void read_common(Arguments& arguments, Cellular& a, int64_t gates) {
  a.batch = arguments.size("batch");
  a.time = arguments.size("time");
  a.input = arguments.size("input");
  a.hidden = arguments.size("hidden");
  if (a.hidden == 0) refuse("hidden", "at least 1", "0");
  if (a.batch == 0) a.time = 0;  // no steps to walk through, however many
  a.vocabulary = arguments.size("vocabulary");
  a.x = arguments.optional_floats("x", elements({a.batch, a.time, a.input}));
  a.ids = arguments.optional_integers("ids", elements({a.batch, a.time}));
  if ((a.x == nullptr) == (a.ids == nullptr)) refuse("one of x and ids", "given", a.x == nullptr ? "none" : "both");
  if (a.ids != nullptr) check_range("ids", a.ids, a.batch * a.time, 0, a.vocabulary);
  const int64_t rows = a.ids != nullptr ? a.vocabulary : a.input;
  a.kernel = arguments.optional_floats("kernel", elements({rows, gates, a.hidden}));
  a.recurrentKernel = arguments.optional_floats("recurrentKernel", elements({state_width(a), gates, a.hidden}));
}

template <typename Cellular>
void read_state(Arguments& arguments, Cellular& a) {
  a.h0 = arguments.optional_floats("h0", elements({a.batch, state_width(a)}));
}

// Gain and bias of the layer norms of x W and h U.
template <typename Cellular>
void read_norms(Arguments& arguments, Cellular& a, int64_t gates) {
  a.normInput = arguments.optional_floats("normInput", elements({2, gates, a.hidden}));
  a.normRecurrent = arguments.optional_floats("normRecurrent", elements({2, gates, a.hidden}));
}

template <typename Cellular>
void read_rest(Arguments& arguments, Cellular& a, Cell cell) {
  a.lengths = arguments.optional_integers("lengths", a.batch);
  if (a.lengths != nullptr) check_range("lengths", a.lengths, a.batch, 0, a.time + 1);
  a.recurrentMask = arguments.optional_floats("recurrentMask", elements({a.batch, state_width(a)}));
  a.zoneoutMaskH = arguments.optional_floats("zoneoutMaskH", elements({a.batch, a.time, state_width(a)}));
  a.zoneoutH = static_cast<float>(arguments.number("zoneoutH"));
  a.reverse = arguments.boolean("reverse");
  const napi_value packed = arguments.optional_value();
  bool hasKernel = a.kernel != nullptr;
  if (packed != nullptr) {
    const PackedHandle& handle = read_packed(arguments.env(), packed, cell, a.input, a.hidden);
    a.packed = handle.weights.get();
    if (gathered) gathered->weights.push_back(handle.weights);
    hasKernel = hasKernel || (handle.input != 0 && a.ids == nullptr);
  } else if (a.recurrentKernel == nullptr) {
    refuse("recurrentKernel", "given", "neither it nor packed weights");
  }
  if (!hasKernel) refuse("kernel", "given", "neither it nor packed weights that hold it");
}

void read_lstm(Arguments& arguments, LstmArguments& a) {
  a.projected = arguments.size("projected");
  read_common(arguments, a, 4);
  a.bias = arguments.optional_floats("bias", elements({4, a.hidden}));
  read_state(arguments, a);
  a.c0 = arguments.optional_floats("c0", elements({a.batch, a.hidden}));
  a.zoneoutMaskC = arguments.optional_floats("zoneoutMaskC", elements({a.batch, a.time, a.hidden}));
  a.zoneoutC = static_cast<float>(arguments.number("zoneoutC"));
  a.projection = arguments.optional_floats("projection", elements({a.hidden, a.projected}));
  if ((a.projection != nullptr) != (a.projected > 0)) {
    refuse("projected", a.projection ? "positive with a projection" : "0 without a projection", std::to_string(a.projected));
  }
  read_norms(arguments, a, 4);
  a.normCell = arguments.optional_floats("normCell", elements({2, a.hidden}));
  read_rest(arguments, a, Cell::lstm);
  if (a.packed != nullptr && (a.projection || a.normInput || a.normRecurrent || a.normCell)) {
    refuse("packed weights", "null with layer norm or a projection", "some");
  }
}

Cell gru_cell(bool resetAfter) { return resetAfter ? Cell::gruResetAfter : Cell::gruResetBefore; }

void read_gru(Arguments& arguments, GruArguments& a) {
  read_common(arguments, a, 3);
  a.resetAfter = arguments.boolean("resetAfter");
  a.bias = arguments.optional_floats("bias", elements({a.resetAfter ? 6 : 3, a.hidden}));
  read_state(arguments, a);
  read_norms(arguments, a, 3);
  read_rest(arguments, a, gru_cell(a.resetAfter));
}

void read_rnn(Arguments& arguments, RnnArguments& a) {
  read_common(arguments, a, 1);
  a.activation = arguments.boolean("relu") ? Activation::relu : Activation::tanh;
  a.bias = arguments.optional_floats("bias", a.hidden);
  read_state(arguments, a);
  read_norms(arguments, a, 1);
  read_rest(arguments, a, Cell::rnn);
}

// Gradients are taken with the weights as they lie.
void refuse_packed(const PackedWeights* packed) {
  if (packed != nullptr) refuse("packed", "null for gradients", "packed weights");
}

// dy, dhLast, [dcLast], dx, dkernel, drecurrentKernel, dbias, dh0, [dc0]: common part after what arrives.
template <typename Cellular, typename Gradients>
void read_outgoing(Arguments& arguments, const Cellular& a, Gradients& g, int64_t gates, int64_t biasBlocks) {
  const int64_t rows = a.ids != nullptr ? a.vocabulary : a.input;
  if (a.ids != nullptr && !arguments.next_is_null()) refuse("dx", "null with ids", "an array");
  g.dx = arguments.optional_output("dx", elements({a.batch, a.time, a.input}));
  g.dkernel = arguments.optional_output("dkernel", elements({rows, gates, a.hidden}));
  g.drecurrentKernel = arguments.optional_output("drecurrentKernel", elements({state_width(a), gates, a.hidden}));
  g.dbias = arguments.optional_output("dbias", elements({biasBlocks, a.hidden}));
  g.dh0 = arguments.optional_output("dh0", elements({a.batch, state_width(a)}));
}

// The gradient of a weight that may not be there.
float* read_gradient_of(Arguments& arguments, const float* weight, const char* name, int64_t length) {
  if (weight == nullptr && !arguments.next_is_null()) refuse(name, "null where its weight is not given", "an array");
  return arguments.optional_output(name, length);
}

template <typename Cellular, typename Gradients>
void read_norm_gradients(Arguments& arguments, const Cellular& a, Gradients& g, int64_t gates) {
  g.dnormInput = read_gradient_of(arguments, a.normInput, "dnormInput", elements({2, gates, a.hidden}));
  g.dnormRecurrent = read_gradient_of(arguments, a.normRecurrent, "dnormRecurrent", elements({2, gates, a.hidden}));
}

// The elements of the gates' reserve: with bf16 operands two gates stand in the place of a float.
int64_t gates_size(const LstmArguments& a) {
  return elements({a.time, a.batch, 4, a.hidden}) / kernels().gatesPerWord;
}

napi_value lstm_gates_width(Arguments& arguments) {
  napi_value width;
  check(arguments.env(), napi_create_int64(arguments.env(), 4 * arguments.size("hidden") / kernels().gatesPerWord, &width));
  return width;
}

napi_value lstm_forward(Arguments& arguments) {
  LstmArguments a;
  LstmOutputs o;
  read_lstm(arguments, a);
  const int64_t width = state_width(a), reserve = elements({a.time, a.batch, 4, a.hidden});
  o.y = arguments.output("y", elements({a.batch, a.time, width}));
  o.hLast = arguments.optional_output("hLast", elements({a.batch, width}));
  o.cLast = arguments.optional_output("cLast", elements({a.batch, a.hidden}));
  o.gates = arguments.optional_output("gates", gates_size(a));
  o.cells = arguments.optional_output("cells", elements({a.time, a.batch, a.hidden}));
  if (a.normRecurrent == nullptr && !arguments.next_is_null()) refuse("extra", "null without normRecurrent", "an array");
  o.extra = arguments.optional_output("extra", reserve);
  run_or_gather([&table = kernels(), a, o] { table.lstmForward(default_pool(), a, o); });
  return nullptr;
}

napi_value lstm_backward(Arguments& arguments) {
  LstmArguments a;
  LstmGradients g;
  read_lstm(arguments, a);
  refuse_packed(a.packed);
  const int64_t width = state_width(a), reserve = elements({a.time, a.batch, 4, a.hidden});
  const int64_t sequence = elements({a.batch, a.time, width}), state = elements({a.batch, a.hidden});
  g.y = arguments.floats("y", sequence);
  g.gates = arguments.floats("gates", gates_size(a));
  g.cells = arguments.floats("cells", elements({a.time, a.batch, a.hidden}));
  g.extra = arguments.optional_floats("extra", reserve);
  if (g.extra == nullptr && a.normRecurrent != nullptr) refuse("extra", "given", "null with normRecurrent");
  g.dy = arguments.optional_floats("dy", sequence);
  g.dhLast = arguments.optional_floats("dhLast", elements({a.batch, width}));
  g.dcLast = arguments.optional_floats("dcLast", state);
  read_outgoing(arguments, a, g, 4, 4);
  g.dc0 = arguments.optional_output("dc0", state);
  g.dprojection = read_gradient_of(arguments, a.projection, "dprojection", elements({a.hidden, a.projected}));
  read_norm_gradients(arguments, a, g, 4);
  g.dnormCell = read_gradient_of(arguments, a.normCell, "dnormCell", elements({2, a.hidden}));
  run_or_gather([&table = kernels(), a, g] { table.lstmBackward(default_pool(), a, g); });
  return nullptr;
}

napi_value gru_forward(Arguments& arguments) {
  GruArguments a;
  GruOutputs o;
  read_gru(arguments, a);
  o.y = arguments.output("y", elements({a.batch, a.time, a.hidden}));
  o.hLast = arguments.optional_output("hLast", elements({a.batch, a.hidden}));
  o.gates = arguments.optional_output("gates", elements({a.time, a.batch, 4, a.hidden}));
  run_or_gather([&table = kernels(), a, o] { table.gruForward(default_pool(), a, o); });
  return nullptr;
}

napi_value gru_backward(Arguments& arguments) {
  GruArguments a;
  GruGradients g;
  read_gru(arguments, a);
  refuse_packed(a.packed);
  const int64_t sequence = elements({a.batch, a.time, a.hidden});
  g.y = arguments.floats("y", sequence);
  g.gates = arguments.floats("gates", elements({a.time, a.batch, 4, a.hidden}));
  g.dy = arguments.optional_floats("dy", sequence);
  g.dhLast = arguments.optional_floats("dhLast", elements({a.batch, a.hidden}));
  read_outgoing(arguments, a, g, 3, a.resetAfter ? 6 : 3);
  read_norm_gradients(arguments, a, g, 3);
  run_or_gather([&table = kernels(), a, g] { table.gruBackward(default_pool(), a, g); });
  return nullptr;
}

napi_value rnn_forward(Arguments& arguments) {
  RnnArguments a;
  RnnOutputs o;
  read_rnn(arguments, a);
  const int64_t sequence = elements({a.batch, a.time, a.hidden});
  o.y = arguments.output("y", sequence);
  o.hLast = arguments.optional_output("hLast", elements({a.batch, a.hidden}));
  o.reserve = arguments.optional_output("reserve", sequence);
  run_or_gather([&table = kernels(), a, o] { table.rnnForward(default_pool(), a, o); });
  return nullptr;
}

napi_value rnn_backward(Arguments& arguments) {
  RnnArguments a;
  RnnGradients g;
  read_rnn(arguments, a);
  refuse_packed(a.packed);
  const int64_t sequence = elements({a.batch, a.time, a.hidden});
  g.y = arguments.floats("y", sequence);
  g.reserve = arguments.floats("reserve", sequence);
  g.dy = arguments.optional_floats("dy", sequence);
  g.dhLast = arguments.optional_floats("dhLast", elements({a.batch, a.hidden}));
  read_outgoing(arguments, a, g, 1, 1);
  read_norm_gradients(arguments, a, g, 1);
  run_or_gather([&table = kernels(), a, g] { table.rnnBackward(default_pool(), a, g); });
  return nullptr;
}

#ifndef __wasm__
// Calls the function given, then runs what the recurrent kernels that it called have to do, each of them on one thread.
napi_value together(Arguments& arguments) {
  const napi_env env = arguments.env();
  const napi_value function = arguments.value("run");
  napi_valuetype type;
  check(env, napi_typeof(env, function, &type));
  if (type != napi_function) refuse("run", "a function", "something else");
  Gathered own;
  napi_status status;
  {
    struct Gathering {
      Gathered* const before = gathered;
      ~Gathering() { gathered = before; }
    } gathering;
    gathered = &own;
    napi_value undefined;
    check(env, napi_get_undefined(env, &undefined));
    status = napi_call_function(env, undefined, function, 0, nullptr, nullptr);
  }
  if (status == napi_pending_exception) return nullptr;  // on its way to the caller; nothing is run
  check(env, status);
  default_pool().run(
      static_cast<int>(own.works.size()),
      [](void* context, int index) { static_cast<Gathered*>(context)->works[static_cast<size_t>(index)](); }, &own);
  return nullptr;
}
#endif

napi_value pack_lstm(Arguments& arguments) {
  const int64_t input = arguments.size("input");
  const int64_t hidden = arguments.size("hidden");
  const float* kernel = arguments.optional_floats("kernel", elements({input, 4, hidden}));
  const float* recurrentKernel = arguments.floats("recurrentKernel", elements({hidden, 4, hidden}));
  PackedWeights* packed = kernels().packLstm(default_pool(), input, hidden, kernel, recurrentKernel);
  return make_packed(arguments.env(), packed, Cell::lstm, kernel == nullptr ? 0 : input, hidden);
}

napi_value pack_gru(Arguments& arguments) {
  const bool resetAfter = arguments.boolean("resetAfter");
  const int64_t hidden = arguments.size("hidden");
  const float* recurrentKernel = arguments.floats("recurrentKernel", elements({hidden, 3, hidden}));
  PackedWeights* packed = kernels().packGru(default_pool(), resetAfter, hidden, recurrentKernel);
  return make_packed(arguments.env(), packed, gru_cell(resetAfter), 0, hidden);
}

napi_value pack_rnn(Arguments& arguments) {
  const int64_t hidden = arguments.size("hidden");
  const float* recurrentKernel = arguments.floats("recurrentKernel", elements({hidden, hidden}));
  return make_packed(arguments.env(), kernels().packRnn(default_pool(), hidden, recurrentKernel), Cell::rnn, 0, hidden);
}

}  // namespace

const std::vector<Export>& recurrent_exports() {
  static const std::vector<Export> exports = {
      {"lstmGatesWidth", callback<lstm_gates_width>},
      {"lstmForward", callback<lstm_forward>}, {"lstmBackward", callback<lstm_backward>},
      {"gruForward", callback<gru_forward>},   {"gruBackward", callback<gru_backward>},
      {"rnnForward", callback<rnn_forward>},   {"rnnBackward", callback<rnn_backward>},
      {"packLstm", callback<pack_lstm>},       {"packGru", callback<pack_gru>},
      {"packRnn", callback<pack_rnn>},         {"freePacked", callback<free_packed>},
#ifndef __wasm__
      {"together", callback<together>},
#endif
  };
  return exports;
}

}  // namespace cadenza::binding
