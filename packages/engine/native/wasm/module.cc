// The functions that src/wasm calls besides those which the binding registers.
#include "module.h"

#include "../kernels/kernels.h"

#define CADENZA_EXPORT(name) extern "C" __attribute__((export_name(#name)))

extern "C" void __wasm_call_ctors();

// Runs constructors and makes what must outlive a call that fails.
CADENZA_EXPORT(start) void start() {
  __wasm_call_ctors();
  cadenza::default_pool();
  cadenza::kernels();
}

CADENZA_EXPORT(allocate) void* allocate_for_javascript(size_t bytes) { return cadenza::try_allocate(bytes); }
CADENZA_EXPORT(deallocate) void deallocate_for_javascript(void* buffer) { cadenza::deallocate(buffer); }
CADENZA_EXPORT(beginCall) void begin() { cadenza::begin_call(); }
CADENZA_EXPORT(endCall) void end(int failed) { cadenza::end_call(failed != 0); }
