#include "cpu.h"

#include <cstring>

#if defined(__x86_64__) && !defined(CADENZA_BASELINE)
#include <cpuid.h>

#include <algorithm>
#include <chrono>
#include <vector>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

#include "packed_weights.h"

namespace cadenza {
namespace {

#if defined(__x86_64__) && !defined(CADENZA_BASELINE)

bool cpu_has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool cpu_has_avx512() {
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
bool cpu_has_avx512_bf16() { return cpu_has_avx512() && __builtin_cpu_supports("avx512bf16"); }

// Intel, Software Developer's Manual, volume 1, chapter "Programming with Intel AMX": the CPU's bits, those of the system, palette 1.
bool cpu_has_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned osxsave = 1u << 27, amxBf16 = 1u << 22, amxTile = 1u << 24, tileState = 3u << 17;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & osxsave)) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (amxBf16 | amxTile)) != (amxBf16 | amxTile)) return false;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & tileState) != tileState) return false;
  if (!__get_cpuid_count(0x1d, 1, &a, &b, &c, &d)) return false;
  // 8 tiles of 16 rows of 64 bytes
  return b >> 16 >= 8 && (b & 0xffff) >= 64 && (c & 0xffff) >= 16;
}

// Asks Linux to let this process use tiles; must come before the first instruction of AMX, which would end the process otherwise.
bool system_permits_amx() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr long requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
#else
  return false;
#endif
}

// Null when AMX is ready for use.
const char* try_amx() {
  if (!cpu_has_avx512_bf16()) return "no AMX on this CPU";
#if !defined(CADENZA_AMX_EMULATION)
  if (!cpu_has_amx()) return "no AMX on this CPU";
  if (!amx_bf16::table()) return "AMX was not known to the compiler";
  if (!system_permits_amx()) return "AMX is not permitted by the system";
#endif
  return check_amx();
}

const char* why_no_amx() {
  static const char* const reason = try_amx();
  return reason;
}

// Nanoseconds for each operation of the registers' tile, fed from L1.
double tile_cost(const Kernels& table, float* memory, int64_t operand) {
  constexpr int64_t repeats = 40;
  const auto start = std::chrono::steady_clock::now();
  const int64_t operations = table.l1Product(repeats, memory, memory + operand, memory + 2 * operand) * repeats;
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
  return taken.count() / static_cast<double>(operations);
}

// Zen 4 multiplies bf16 at twice the rate of float32, Intel's cores from Sapphire Rapids on (which leave it to AMX) at half of it. The
// least of some turns of each, which alternate: other programs and a rising clock disturb both.
double measure_bf16_gain() {
  if (!cpu_has_avx512_bf16() || !avx512_bf16::table()) return 0;
  constexpr int64_t operand = 16384;
  std::vector<float> memory(3 * operand, 1.0f);
  double plain = 0, halved = 0;
  for (int turn = 0; turn < 8; ++turn) {
    const double costs[2] = {tile_cost(avx512::table(), memory.data(), operand), tile_cost(*avx512_bf16::table(), memory.data(), operand)};
    plain = turn == 0 ? costs[0] : std::min(plain, costs[0]);
    halved = turn == 0 ? costs[1] : std::min(halved, costs[1]);
  }
  return plain / halved;
}

const Kernels* find(const char* name) {
  const auto is = [name](const char* other) { return name && std::strcmp(name, other) == 0; };
  const bool best = name == nullptr || *name == 0;
  if (cpu_has_avx512() && (best || is("avx512"))) return &avx512::table();
  if (is("amxbf16") && !why_no_amx()) return amx_bf16::table();
  if (is("avx512bf16") && cpu_has_avx512_bf16()) return avx512_bf16::table();
  if (cpu_has_avx2() && (best || is("avx2"))) return &avx2::table();
  return best || is("baseline") ? &baseline::table() : nullptr;
}

#else

const Kernels* find(const char* name) {
  return name == nullptr || *name == 0 || std::strcmp(name, "baseline") == 0 ? &baseline::table() : nullptr;
}

#endif

// What the thread chose, so that the backends of two workers do not choose for each other.
#if !defined(__wasm__)
thread_local
#endif
    const Kernels* chosen = nullptr;

}  // namespace

const Kernels& kernels() {
  if (!chosen) chosen = find(nullptr);
  return *chosen;
}

bool set_isa(const char* name) {
  const Kernels* table = find(name);
  if (!table) return false;
  chosen = table;
  return true;
}

const char* amx_reason() {
#if defined(__x86_64__) && !defined(CADENZA_BASELINE)
  const char* const reason = why_no_amx();
  return reason ? reason : "";
#else
  return "no AMX on this CPU";
#endif
}

double bf16_gain() {
#if defined(__x86_64__) && !defined(CADENZA_BASELINE)
  static const double gain = measure_bf16_gain();
  return gain;
#else
  return 0;
#endif
}

int64_t first_out_of_range(const int32_t* ids, int64_t count, int64_t limit) {
  for (int64_t n = 0; n < count; ++n) {
    if (ids[n] < 0 || ids[n] >= limit) return n;
  }
  return -1;
}

void free_packed_weights(PackedWeights* packed) { deallocate(packed); }

}  // namespace cadenza
