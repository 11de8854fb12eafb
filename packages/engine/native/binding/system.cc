// Memory, threads, instruction sets, packed weights.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "../kernels/kernels.h"
#include "../kernels/memory.h"
#include "../kernels/threads.h"
#include "exports.h"
#include "packed.h"

namespace cadenza::binding {

namespace {

napi_value prepare_memory(Arguments& arguments) {
  const napi_env env = arguments.env();
  void* data = nullptr;
  size_t bytes = 0;
  if (napi_get_arraybuffer_info(env, arguments.value("buffer"), &data, &bytes) != napi_ok) {
    refuse("buffer", "an ArrayBuffer", "something else");
  }
  const uintptr_t begin = reinterpret_cast<uintptr_t>(data);
#ifdef __linux__
  // Before its pages are first touched. What cannot be had is not needed.
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const uintptr_t first = (begin + kHugePage - 1) & ~(kHugePage - 1);
  const uintptr_t last = (begin + bytes) & ~(kHugePage - 1);
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
  napi_value offset;
  check(env, napi_create_uint32(env, static_cast<uint32_t>(-begin & 63), &offset));
  return offset;
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

std::atomic<bool> threadsAreSet{false};

napi_value set_threads(Arguments& arguments) {
  const int64_t threads = arguments.size("threads");
  if (threads < 1 || threads > 1024) refuse("threads", "an integer from 1 to 1024", std::to_string(threads));
  default_pool().set_threads(static_cast<int>(threads));
  threadsAreSet.store(true);
  return nullptr;
}

napi_value threads_are_set(Arguments& arguments) {
  napi_value result;
  check(arguments.env(), napi_get_boolean(arguments.env(), threadsAreSet.load(), &result));
  return result;
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

napi_value get_amx_reason(Arguments& arguments) {
  napi_value result;
  check(arguments.env(), napi_create_string_utf8(arguments.env(), amx_reason(), NAPI_AUTO_LENGTH, &result));
  return result;
}

napi_value get_bf16_gain(Arguments& arguments) {
  napi_value result;
  check(arguments.env(), napi_create_double(arguments.env(), bf16_gain(), &result));
  return result;
}

// The registers' tile on every thread, over operands that stay in the innermost cache: (repeats) -> floating-point operations.
napi_value l1_product(Arguments& arguments) {
  // More than any instruction set's tile reads or writes.
  constexpr int64_t operand = 16384, each = 3 * operand;
  const int64_t repeats = arguments.size("repeats");
  // Nothing can interrupt it: this many take some milliseconds.
  if (repeats > 10000) refuse("repeats", "an integer from 0 to 10000", std::to_string(repeats));
  const Kernels& table = kernels();
  ThreadPool& pool = default_pool();
  const int threads = pool.threads();
  const int64_t floats = each * threads;
  const Scratch scratch(static_cast<size_t>(floats) * sizeof(float));
  float* const memory = scratch.as<float>();
  std::fill(memory, memory + floats, 1.0f);
  parallel_for(pool, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      float* const own = memory + each * n;
      table.l1Product(repeats, own, own + operand, own + 2 * operand);
    }
  });
  const int64_t once = table.l1Product(1, memory, memory + operand, memory + 2 * operand);
  napi_value result;
  const double operations = static_cast<double>(once) * static_cast<double>(repeats) * threads;
  check(arguments.env(), napi_create_double(arguments.env(), operations, &result));
  return result;
}

}  // namespace

const std::vector<Export>& system_exports() {
  static const std::vector<Export> exports = {
      {"prepareMemory", callback<prepare_memory>},
      {"memoryUse", callback<memory_statistics>},
      {"trimMemory", callback<trim>},
      {"threads", callback<get_threads>},
      {"setThreads", callback<set_threads>},
      {"threadsAreSet", callback<threads_are_set>},
      {"isa", callback<get_isa>},
      {"setIsa", callback<choose_isa>},
      {"amxReason", callback<get_amx_reason>},
      {"bf16Gain", callback<get_bf16_gain>},
      {"l1Product", callback<l1_product>},
  };
  return exports;
}

}  // namespace cadenza::binding
