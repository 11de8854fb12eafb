#if defined(__x86_64__)
#define CADENZA_ISA avx2
#define CADENZA_ISA_NAME "avx2"
#include "isa.inc"
#endif
