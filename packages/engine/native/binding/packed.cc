#include "packed.h"

#include <cstring>
#include <string>
#include <utility>

namespace cadenza::binding {

namespace {

constexpr napi_type_tag kPackedTag = {0x63616465'6e7a6131, 0x7061636b'65640001};

PackedHandle& handle_of(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  bool isPacked = false;
  if (type == napi_external) check(env, napi_check_object_type_tag(env, value, &kPackedTag, &isPacked));
  if (!isPacked) refuse("packed", "packed weights", "something else");
  void* data = nullptr;
  check(env, napi_get_value_external(env, value, &data));
  return *static_cast<PackedHandle*>(data);
}

}  // namespace

napi_value make_packed(napi_env env, PackedWeights* weights, Cell cell, int64_t input, int64_t hidden) {
  std::shared_ptr<PackedWeights> owned(weights, free_packed_weights);
  auto* handle = new PackedHandle{std::move(owned), cell, input, hidden, kernels().isa};
  napi_value result = nullptr;
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<PackedHandle*>(data); };
  const napi_status status = napi_create_external(env, handle, finalize, nullptr, &result);
  if (status != napi_ok) finalize(env, handle, nullptr);
  check(env, status);
  check(env, napi_type_tag_object(env, result, &kPackedTag));
  return result;
}

const PackedHandle& read_packed(napi_env env, napi_value value, Cell cell, int64_t input, int64_t hidden) {
  const PackedHandle& handle = handle_of(env, value);
  if (handle.weights == nullptr) refuse("packed", "alive", "weights that were freed");
  if (handle.cell != cell) refuse("packed", "weights of the same cell", "those of another");
  if (handle.hidden != hidden || (handle.input != 0 && handle.input != input)) {
    const bool isMatrix = cell == Cell::matrix;
    const char* const names[] = {isMatrix ? "depth " : "input ", isMatrix ? " and columns " : " and hidden "};
    refuse("packed", std::string("weights of ") + names[0] + std::to_string(input) + names[1] + std::to_string(hidden),
           std::to_string(handle.input) + " and " + std::to_string(handle.hidden));
  }
  if (std::strcmp(handle.isa, kernels().isa) != 0) {
    refuse("packed", std::string("made for ") + kernels().isa, std::string("weights made for ") + handle.isa);
  }
  return handle;
}

napi_value free_packed(Arguments& arguments) {
  handle_of(arguments.env(), arguments.value("packed")).weights.reset();
  return nullptr;
}

}  // namespace cadenza::binding
