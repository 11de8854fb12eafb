// Errors without unwinding. The compiler is told that there are exceptions but not how to catch them: a throw ends in __cxa_throw,
// which hands the error to JavaScript, where an exception takes its place that leaves the module at once. Whoever called frees
// what the call had allocated and restores the stack pointer (src/wasm/module.ts). Nothing in the module may rely on catching.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <typeinfo>

#include "../binding/arguments.h"
#include "../kernels/kernels.h"

namespace {

enum class Failure { argument, kernel, memory, other };

// Throws in JavaScript.
extern "C" [[noreturn]] __attribute__((import_module("cadenza"), import_name("fail"))) void fail(Failure kind, const char* message,
                                                                                                 size_t length);

Failure kind_of(const std::type_info& type) {
  if (type == typeid(cadenza::binding::ArgumentError)) return Failure::argument;
  if (type == typeid(cadenza::KernelError)) return Failure::kernel;
  if (type == typeid(std::bad_alloc)) return Failure::memory;
  return Failure::other;
}

// One exception lives at a time, and only until it has been handed over.
alignas(16) char thrown[256];

}  // namespace

extern "C" {

void* __cxa_allocate_exception(size_t bytes) {
  if (bytes > sizeof thrown) std::abort();
  return thrown;
}
void __cxa_free_exception(void*) {}

// Everything that is thrown here derives from std::exception, by single inheritance: it starts where the object starts.
[[noreturn]] void __cxa_throw(void* object, std::type_info* type, void (*)(void*)) {
  const char* const message = static_cast<const std::exception*>(object)->what();
  fail(kind_of(*type), message, std::strlen(message));
}

// What only a landing pad would call; there are none.
void* __cxa_begin_catch(void*) { std::abort(); }
void __cxa_end_catch() { std::abort(); }
[[noreturn]] void __cxa_rethrow() { std::abort(); }

// A check of the C library that failed.
void abort() { __builtin_trap(); }
}
