#if defined(__x86_64__)
#define CADENZA_ISA avx512
#define CADENZA_ISA_NAME "avx512"
#include "isa.inc"
#endif
