#define CADENZA_ISA baseline
#define CADENZA_ISA_NAME "baseline"
#include "isa.inc"
