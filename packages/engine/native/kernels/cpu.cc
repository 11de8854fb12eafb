#include "cpu.h"

#include <atomic>
#include <cstring>

#include "packed_weights.h"

namespace cadenza {
namespace {

const Kernels* find(const char* name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool best = name == nullptr || *name == 0;
  if (avx512 && (best || std::strcmp(name, "avx512") == 0)) return &avx512::table();
  const bool bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
  if (bf16 && !best && std::strcmp(name, "avx512bf16") == 0) return avx512_bf16::table();
  if (avx2 && (best || std::strcmp(name, "avx2") == 0)) return &avx2::table();
  if (best) return &baseline::table();
#endif
  if (name == nullptr || *name == 0 || std::strcmp(name, "baseline") == 0) return &baseline::table();
  return nullptr;
}

std::atomic<const Kernels*> current{nullptr};

}  // namespace

const Kernels& kernels() {
  const Kernels* table = current.load(std::memory_order_acquire);
  if (!table) {
    table = find(nullptr);
    current.store(table, std::memory_order_release);
  }
  return *table;
}

bool set_isa(const char* name) {
  const Kernels* table = find(name);
  if (!table) return false;
  current.store(table, std::memory_order_release);
  return true;
}

int64_t first_out_of_range(const int32_t* ids, int64_t count, int64_t limit) {
  for (int64_t n = 0; n < count; ++n) {
    if (ids[n] < 0 || ids[n] >= limit) return n;
  }
  return -1;
}

void free_packed_weights(PackedWeights* packed) { deallocate(packed); }

}  // namespace cadenza
