// The kernel tables of the instruction sets that this build holds.
#pragma once

#include "kernels.h"

namespace cadenza {

namespace baseline {
const Kernels& table();
}
#if defined(__x86_64__) && !defined(CADENZA_BASELINE)
namespace avx2 {
const Kernels& table();
}
namespace avx512 {
const Kernels& table();
}
namespace avx512_bf16 {
const Kernels* table();  // null when the compiler did not know the instructions
}
namespace amx_bf16 {
const Kernels* table();  // likewise
}
// Null when the kernels of AMX compute what those of AVX512-BF16 do, else what differs. For a CPU that has both.
const char* check_amx();
#endif

}  // namespace cadenza
