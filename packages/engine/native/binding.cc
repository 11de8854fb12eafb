// The addon: registers the functions of binding/*.cc on its exports. Holds no state of its own, so that every environment (a
// worker thread is one) may load it.
#ifndef __wasm__
#include <dlfcn.h>
#endif
#include <node_api.h>

#include "binding/exports.h"

namespace {

using cadenza::binding::check;
using cadenza::binding::Export;

// Raised whenever a function's arguments change; src/addon.ts refuses another.
constexpr int kInterface = 9;

// Node unloads an addon with the last worker thread that loaded it: under the threads of the pool, and with memory in its pool.
void stay_loaded() {
#ifndef __wasm__
  static const bool done = [] {
    Dl_info self;
    if (dladdr(reinterpret_cast<void*>(&stay_loaded), &self) != 0) dlopen(self.dli_fname, RTLD_LAZY | RTLD_NODELETE);
    return true;
  }();
  static_cast<void>(done);
#endif
}

void add(napi_env env, napi_value exports, const std::vector<Export>& functions) {
  for (const Export& function : functions) {
    napi_value value;
    check(env, napi_create_function(env, function.name, NAPI_AUTO_LENGTH, function.callback, nullptr, &value));
    check(env, napi_set_named_property(env, exports, function.name, value));
  }
}

}  // namespace

NAPI_MODULE_INIT() {
  using namespace cadenza::binding;
  try {
    stay_loaded();
    add(env, exports, system_exports());
    add(env, exports, recurrent_exports());
    add(env, exports, training_exports());
    add(env, exports, ctc_exports());
    add(env, exports, attention_exports());
    add(env, exports, tensor_exports());
    add(env, exports, decoder_exports());
    napi_value version;
    check(env, napi_create_int32(env, kInterface, &version));
    check(env, napi_set_named_property(env, exports, "interface", version));
  } catch (...) {
    throw_current_exception(env);
    return nullptr;
  }
  return exports;
}
