// What the WebAssembly module has besides the kernels and their binding.
#pragma once

#include <cstddef>

namespace cadenza {

// As allocate(), but null when memory runs out.
void* try_allocate(size_t bytes);
// Around a call from JavaScript: what it allocates is freed when it failed.
void begin_call();
void end_call(bool failed);

}  // namespace cadenza
