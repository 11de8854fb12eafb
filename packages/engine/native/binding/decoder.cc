// Decoding: models packed for single steps, and the sessions that step through texts with them.
#include "../kernels/decoder.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "exports.h"

namespace cadenza::binding {

namespace {

constexpr napi_type_tag kDecoderTag = {0x63616465'6e7a6131, 0x6465636f'64650001};
constexpr napi_type_tag kSessionTag = {0x63616465'6e7a6131, 0x73657373'696f0001};

// Far beyond what decodes side by side; a mistyped number shall not fill the memory.
constexpr int64_t kMaximumBatch = 65536;

// What JavaScript holds; the pointer is null once it was freed. A session keeps its decoder alive.
struct DecoderHandle {
  std::shared_ptr<Decoder> object;
};
struct SessionHandle {
  std::unique_ptr<DecoderSession> object;
};

template <typename Handle>
napi_value make_handle(napi_env env, Handle&& given, const napi_type_tag& tag) {
  auto* handle = new Handle(std::move(given));
  napi_value result = nullptr;
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Handle*>(data); };
  const napi_status status = napi_create_external(env, handle, finalize, nullptr, &result);
  if (status != napi_ok) delete handle;
  check(env, status);
  check(env, napi_type_tag_object(env, result, &tag));
  return result;
}

template <typename Handle>
Handle& read_handle(Arguments& arguments, const napi_type_tag& tag, const char* name) {
  const napi_env env = arguments.env();
  const napi_value value = arguments.value(name);
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  bool fits = false;
  if (type == napi_external) check(env, napi_check_object_type_tag(env, value, &tag, &fits));
  if (!fits) refuse(name, std::string("a ") + name, "something else");
  void* data = nullptr;
  check(env, napi_get_value_external(env, value, &data));
  return *static_cast<Handle*>(data);
}

DecoderHandle& any_decoder(Arguments& arguments) { return read_handle<DecoderHandle>(arguments, kDecoderTag, "decoder"); }
SessionHandle& any_session(Arguments& arguments) { return read_handle<SessionHandle>(arguments, kSessionTag, "session"); }

Decoder& read_decoder(Arguments& arguments) {
  DecoderHandle& handle = any_decoder(arguments);
  if (handle.object == nullptr) refuse("decoder", "alive", "one that was freed");
  return *handle.object;
}

DecoderSession& read_session(Arguments& arguments) {
  SessionHandle& handle = any_session(arguments);
  if (handle.object == nullptr) refuse("session", "alive", "one that was freed");
  return *handle.object;
}

// format, rows, columns, values, scales
MatrixView read_matrix(Arguments& arguments) {
  MatrixView view;
  view.format = static_cast<WeightFormat>(arguments.choice("format", 3));
  view.rows = arguments.size("rows");
  view.columns = arguments.size("columns");
  const int64_t size = elements({view.rows, view.columns});
  constexpr napi_typedarray_type types[] = {napi_float32_array, napi_uint16_array, napi_int8_array};
  view.values = arguments.numbers("values", types[static_cast<int>(view.format)], size);
  const bool scaled = view.format == WeightFormat::int8;
  if (scaled && std::memchr(view.values, 0x80, static_cast<size_t>(size))) refuse("values", "of [-127, 127]", "-128");
  view.scales = scaled ? arguments.floats("scales", view.columns) : nullptr;
  if (!scaled && arguments.optional_value() != nullptr) refuse("scales", "null where values are not int8", "an array");
  return view;
}

float rate(Arguments& arguments, const char* name) {
  const double value = arguments.number(name);
  if (!(value >= 0 && value < 1)) refuse(name, "a number of [0, 1)", std::to_string(value));
  return static_cast<float>(value);
}

napi_value make_decoder(Arguments& arguments) {
  const int64_t vocabulary = arguments.size("vocabularySize");
  const bool skipToOutput = arguments.boolean("skipToOutput");
  return make_handle(arguments.env(), DecoderHandle{std::make_shared<Decoder>(vocabulary, skipToOutput)}, kDecoderTag);
}

napi_value decoder_embedding(Arguments& arguments) {
  Decoder& decoder = read_decoder(arguments);
  decoder.embedding(read_matrix(arguments));
  return nullptr;
}

napi_value decoder_layer(Arguments& arguments) {
  Decoder& decoder = read_decoder(arguments);
  DecoderLayerView view;
  view.cell = static_cast<StepCell>(arguments.choice("cell", 5));
  view.units = arguments.size("units");
  view.zoneoutH = rate(arguments, "zoneoutH");
  view.zoneoutC = rate(arguments, "zoneoutC");
  view.residual = arguments.boolean("residual");
  constexpr int64_t biases[] = {4, 6, 3, 1, 1};
  view.bias = arguments.floats("bias", elements({biases[static_cast<int>(view.cell)], view.units}));
  view.kernel = read_matrix(arguments);
  view.recurrentKernel = read_matrix(arguments);
  decoder.layer(default_pool(), view);
  return nullptr;
}

napi_value decoder_output(Arguments& arguments) {
  Decoder& decoder = read_decoder(arguments);
  const MatrixView kernel = read_matrix(arguments);
  decoder.output(kernel, arguments.optional_floats("bias", decoder.vocabulary()));
  return nullptr;
}

napi_value free_decoder(Arguments& arguments) {
  any_decoder(arguments).object = nullptr;
  return nullptr;
}

napi_value make_session(Arguments& arguments) {
  const DecoderHandle& handle = any_decoder(arguments);
  if (handle.object == nullptr) refuse("decoder", "alive", "one that was freed");
  const int64_t batch = arguments.size("batch");
  if (batch < 1 || batch > kMaximumBatch) refuse("batch", "an integer from 1 to 65536", std::to_string(batch));
  return make_handle(arguments.env(), SessionHandle{std::make_unique<DecoderSession>(handle.object, batch)}, kSessionTag);
}

napi_value free_session(Arguments& arguments) {
  any_session(arguments).object = nullptr;
  return nullptr;
}

napi_value session_step(Arguments& arguments) {
  DecoderSession& session = read_session(arguments);
  const int64_t vocabulary = session.decoder().vocabulary();
  const int32_t* const tokens = arguments.integers("tokens", session.rows());
  float* const logits = arguments.output("logits", session.rows() * vocabulary);
  check_range("tokens", tokens, session.rows(), 0, vocabulary);
  session.step(default_pool(), tokens, logits);
  return nullptr;
}

napi_value session_sample(Arguments& arguments) {
  DecoderSession& session = read_session(arguments);
  const int64_t vocabulary = session.decoder().vocabulary();
  SampleArguments a;
  SamplingOptions& o = a.options;
  const int64_t token = arguments.size("token");
  if (token >= vocabulary) refuse("token", "below " + std::to_string(vocabulary), std::to_string(token));
  a.token = static_cast<int32_t>(token);
  a.count = arguments.size("count");
  o.temperature = arguments.number("temperature");
  if (!(o.temperature >= 0 && o.temperature < INFINITY)) refuse("temperature", "a number of at least 0", std::to_string(o.temperature));
  o.topK = arguments.size("topK");
  o.topP = arguments.number("topP");
  if (!(o.topP > 0 && o.topP <= 1)) refuse("topP", "a number of (0, 1]", std::to_string(o.topP));
  a.milliseconds = arguments.number("milliseconds");
  if (!(a.milliseconds >= 0)) refuse("milliseconds", "a number of at least 0", std::to_string(a.milliseconds));
  const bool draws = o.temperature > 0;
  if (draws) {
    a.uniforms = static_cast<const double*>(arguments.numbers("uniforms", napi_float64_array, a.count));
  } else {
    arguments.value("uniforms");
  }
  o.banned = arguments.integers("bannedTokens", -1, &o.bannedCount);
  a.stop = arguments.integers("stopTokens", -1, &a.stops);
  a.tokens = arguments.integer_output("tokens", a.count);
  a.logProbabilities = arguments.double_output("logProbabilities", a.count);
  check_range("bannedTokens", o.banned, o.bannedCount, 0, vocabulary);
  for (int64_t n = 0; draws && n < a.count; ++n) {
    if (a.uniforms[n] >= 0 && a.uniforms[n] < 1) continue;
    refuse("uniforms[" + std::to_string(n) + "]", "a number of [0, 1)", std::to_string(a.uniforms[n]));
  }
  const int64_t drawn = session.sample(default_pool(), a);
  napi_value result;
  check(arguments.env(), napi_create_double(arguments.env(), static_cast<double>(drawn), &result));
  return result;
}

struct StatePlace {
  int64_t layer, size;
  bool cells;
};
StatePlace read_place(Arguments& arguments, const DecoderSession& session) {
  const Decoder& decoder = session.decoder();
  StatePlace place;
  place.layer = arguments.size("layer");
  if (place.layer >= decoder.layers()) refuse("layer", "below " + std::to_string(decoder.layers()), std::to_string(place.layer));
  place.cells = arguments.boolean("cells");
  if (place.cells && !decoder.has_cells(place.layer)) refuse("cells", "false for a layer that has none", "true");
  place.size = session.rows() * decoder.units(place.layer);
  return place;
}

napi_value session_state(Arguments& arguments) {
  const DecoderSession& session = read_session(arguments);
  const StatePlace place = read_place(arguments, session);
  session.read_state(place.layer, place.cells, arguments.output("state", place.size));
  return nullptr;
}

napi_value session_set_state(Arguments& arguments) {
  DecoderSession& session = read_session(arguments);
  const StatePlace place = read_place(arguments, session);
  session.write_state(place.layer, place.cells, arguments.floats("state", place.size));
  return nullptr;
}

}  // namespace

const std::vector<Export>& decoder_exports() {
  static const std::vector<Export> exports = {
      {"makeDecoder", callback<make_decoder>},     {"decoderEmbedding", callback<decoder_embedding>},
      {"decoderLayer", callback<decoder_layer>},   {"decoderOutput", callback<decoder_output>},
      {"freeDecoder", callback<free_decoder>},     {"makeSession", callback<make_session>},
      {"freeSession", callback<free_session>},     {"sessionStep", callback<session_step>},
      {"sessionSample", callback<session_sample>}, {"sessionState", callback<session_state>},
      {"setSessionState", callback<session_set_state>},
  };
  return exports;
}

}  // namespace cadenza::binding
