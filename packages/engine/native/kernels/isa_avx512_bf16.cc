// AVX-512 with bf16 operands; no table where the compiler does not know the instructions.
#if defined(__x86_64__)
#if defined(__AVX512BF16__)
#define CADENZA_ISA avx512_bf16
#define CADENZA_ISA_NAME "avx512bf16"
#define CADENZA_BASE avx512
#include "isa_bf16.inc"
#else
#include "cpu.h"
const cadenza::Kernels* cadenza::avx512_bf16::table() { return nullptr; }
#endif
#endif
