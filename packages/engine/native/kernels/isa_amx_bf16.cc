// AMX on top of AVX-512 with bf16 operands; no table where the compiler does not know the instructions. With CADENZA_AMX_EMULATION
// they are emulated, for tests.
#if defined(__x86_64__)
// The first spelling is that of GCC and later versions of clang, the second that of clang 14.
#if (defined(__AMX_TILE__) && defined(__AMX_BF16__)) || (defined(__AMXTILE__) && defined(__AMXBF16__)) || defined(CADENZA_AMX_EMULATION)
#define CADENZA_AMX
#endif
#if defined(__AVX512BF16__) && defined(CADENZA_AMX)
#define CADENZA_ISA amx_bf16
#define CADENZA_ISA_NAME "amxbf16"
#define CADENZA_BASE avx512
#include "isa_bf16.inc"
#else
#include "cpu.h"
const cadenza::Kernels* cadenza::amx_bf16::table() { return nullptr; }
#endif
#endif
