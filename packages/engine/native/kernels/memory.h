// A pool of aligned buffers for kernel scratch and for tensors. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace cadenza {

// A buffer of at least `bytes` bytes, aligned to 64, contents undefined; huge pages are asked for from 2 MiB on (Linux).
// Buffers that were freed are handed out again. Throws std::bad_alloc.
void* allocate(size_t bytes);
// Gives a buffer back to the pool. Null is allowed.
void deallocate(void* buffer);
// The bytes that `buffer` may use (>= what was asked for).
size_t allocated_size(const void* buffer);
// Returns all free buffers to the system.
void trim_memory();
// How many bytes of free buffers the pool may hold (default 1 GiB); what exceeds it goes back to the system.
void set_pool_limit(size_t bytes);
// How many bytes may be handed out and pooled together (default: no limit); beyond that allocate throws, as it does when the
// system has no more.
void set_memory_limit(size_t bytes);

struct MemoryUse {
  size_t inUse;   // bytes handed out
  size_t pooled;  // bytes waiting in the pool
  size_t buffers; // number of buffers handed out
};
MemoryUse memory_use();

// The bytes of so many rows and columns. Throws std::bad_alloc where no memory has as many.
__attribute__((always_inline)) inline size_t bytes_of(int64_t rows, int64_t columns, size_t each) {
  const uint64_t most = SIZE_MAX / 2 / each;
  if (columns > 0 && static_cast<uint64_t>(rows) > most / static_cast<uint64_t>(columns)) throw std::bad_alloc();
  return static_cast<size_t>(rows * columns) * each;
}

// A buffer for the length of a scope.
class Scratch {
 public:
  explicit Scratch(size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <typename T>
  __attribute__((always_inline)) T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_;
};

}  // namespace cadenza
