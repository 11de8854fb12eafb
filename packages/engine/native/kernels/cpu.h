// The kernel tables of the instruction sets that this build holds.
#pragma once

#include "kernels.h"

namespace cadenza {

namespace baseline {
const Kernels& table();
}
#if defined(__x86_64__)
namespace avx2 {
const Kernels& table();
}
namespace avx512 {
const Kernels& table();
}
namespace avx512_bf16 {
const Kernels* table();  // null when the compiler did not know the instructions
}
#endif

}  // namespace cadenza
