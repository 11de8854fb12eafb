// Memory, threads, instruction sets, packed weights.
#include <string>

#include "../kernels/kernels.h"
#include "exports.h"
#include "packed.h"

namespace cadenza::binding {

namespace {

napi_value allocate_buffer(Arguments& arguments) {
  const double bytes = arguments.number("bytes");
  if (!(bytes >= 0) || bytes > 1099511627776.0) refuse("bytes", "from 0 to 2^40", std::to_string(bytes));
  const size_t size = static_cast<size_t>(bytes);
  void* memory = allocate(size);
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      arguments.env(), memory, size, [](napi_env, void* data, void*) { deallocate(data); }, nullptr, &buffer);
  if (status == napi_ok) return buffer;
  deallocate(memory);
  if (status != napi_no_external_buffers_allowed) check(arguments.env(), status);
  // Runtimes that cage their memory (Electron): an ordinary buffer, aligned as V8 likes.
  check(arguments.env(), napi_create_arraybuffer(arguments.env(), size, &memory, &buffer));
  return buffer;
}

napi_value memory_statistics(Arguments& arguments) {
  const napi_env env = arguments.env();
  const MemoryUse use = memory_use();
  napi_value result;
  check(env, napi_create_object(env, &result));
  const auto set = [&](const char* name, size_t value) {
    napi_value number;
    check(env, napi_create_double(env, static_cast<double>(value), &number));
    check(env, napi_set_named_property(env, result, name, number));
  };
  set("inUse", use.inUse);
  set("pooled", use.pooled);
  set("buffers", use.buffers);
  return result;
}

napi_value trim(Arguments&) {
  trim_memory();
  return nullptr;
}

napi_value get_threads(Arguments& arguments) {
  napi_value result;
  check(arguments.env(), napi_create_int32(arguments.env(), default_pool().threads(), &result));
  return result;
}

napi_value set_threads(Arguments& arguments) {
  const int64_t threads = arguments.size("threads");
  if (threads < 1 || threads > 1024) refuse("threads", "an integer from 1 to 1024", std::to_string(threads));
  default_pool().set_threads(static_cast<int>(threads));
  return nullptr;
}

napi_value get_isa(Arguments& arguments) {
  napi_value result;
  check(arguments.env(), napi_create_string_utf8(arguments.env(), kernels().isa, NAPI_AUTO_LENGTH, &result));
  return result;
}

napi_value choose_isa(Arguments& arguments) {
  napi_value result;
  const bool done = set_isa(arguments.text("isa").c_str());
  check(arguments.env(), napi_get_boolean(arguments.env(), done, &result));
  return result;
}

}  // namespace

const std::vector<Export>& system_exports() {
  static const std::vector<Export> exports = {
      {"allocate", callback<allocate_buffer>},
      {"memoryUse", callback<memory_statistics>},
      {"trimMemory", callback<trim>},
      {"threads", callback<get_threads>},
      {"setThreads", callback<set_threads>},
      {"isa", callback<get_isa>},
      {"setIsa", callback<choose_isa>},
  };
  return exports;
}

}  // namespace cadenza::binding
