// Buffers come from the C library in size classes (eight to a doubling), with a header of 64 bytes in front that keeps the class.
// Free buffers wait in one list a class, so that a training step, which asks for the same sizes again, never touches new pages.
#include "memory.h"

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cadenza {
namespace {

constexpr size_t headerBytes = 64;
constexpr size_t hugeBytes = size_t{1} << 21;
constexpr int stepBits = 3;
constexpr int classes = 64 << stepBits;

struct Header {
  size_t capacity;  // bytes after the header
  int sizeClass;
  Header* next;
};
static_assert(sizeof(Header) <= headerBytes, "header");

struct Pool {
  std::mutex mutex;
  Header* free[classes] = {};
  size_t inUse = 0, pooled = 0, buffers = 0;
  size_t limit = size_t{1} << 30;
  size_t memoryLimit = SIZE_MAX;
};

// Never destroyed: JavaScript may release tensors after static destructors have run.
Pool& pool() {
  static Pool* instance = new Pool();
  return *instance;
}

// The smallest class whose capacity holds `bytes`, and that capacity.
int size_class(size_t bytes, size_t* capacity) {
  if (bytes < 64) bytes = 64;
  int exponent = 63 - __builtin_clzll(bytes);
  const size_t step = size_t{1} << (exponent - stepBits);
  size_t part = (bytes - (size_t{1} << exponent) + step - 1) / step;
  if (part == (size_t{1} << stepBits)) {
    part = 0;
    ++exponent;
  }
  *capacity = (size_t{1} << exponent) + (part << (exponent - stepBits));
  return (exponent << stepBits) + static_cast<int>(part);
}

Header* header_of(const void* buffer) {
  return reinterpret_cast<Header*>(const_cast<char*>(static_cast<const char*>(buffer)) - headerBytes);
}

// Memory of the system for a buffer with its header; null when there is none.
void* obtain(size_t capacity) {
  {
    Pool& p = pool();
    std::lock_guard<std::mutex> lock(p.mutex);
    if (p.inUse + p.pooled > p.memoryLimit) return nullptr;
  }
  const bool huge = capacity >= hugeBytes;
  void* raw = nullptr;
  if (posix_memalign(&raw, huge ? hugeBytes : 64, capacity + headerBytes) != 0) return nullptr;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (huge) madvise(raw, capacity + headerBytes, MADV_HUGEPAGE);
#endif
  return raw;
}

}  // namespace

void* allocate(size_t bytes) {
  if (bytes > (size_t{1} << 46)) throw std::bad_alloc();
  size_t capacity;
  const int sizeClass = size_class(bytes, &capacity);
  Pool& p = pool();
  {
    std::lock_guard<std::mutex> lock(p.mutex);
    p.inUse += capacity;
    ++p.buffers;
    if (Header* header = p.free[sizeClass]) {
      p.free[sizeClass] = header->next;
      p.pooled -= capacity;
      return reinterpret_cast<char*>(header) + headerBytes;
    }
  }
  void* raw = obtain(capacity);
  if (!raw) {
    trim_memory();
    raw = obtain(capacity);
  }
  if (!raw) {
    std::lock_guard<std::mutex> lock(p.mutex);
    p.inUse -= capacity;
    --p.buffers;
    throw std::bad_alloc();
  }
  Header* header = static_cast<Header*>(raw);
  header->capacity = capacity;
  header->sizeClass = sizeClass;
  return static_cast<char*>(raw) + headerBytes;
}

void deallocate(void* buffer) {
  if (!buffer) return;
  Header* header = header_of(buffer);
  Pool& p = pool();
  {
    std::lock_guard<std::mutex> lock(p.mutex);
    p.inUse -= header->capacity;
    --p.buffers;
    if (p.pooled + header->capacity <= p.limit) {
      p.pooled += header->capacity;
      header->next = p.free[header->sizeClass];
      p.free[header->sizeClass] = header;
      return;
    }
  }
  std::free(header);
}

size_t allocated_size(const void* buffer) { return buffer ? header_of(buffer)->capacity : 0; }

void trim_memory() {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  for (Header*& list : p.free) {
    while (list) {
      Header* next = list->next;
      std::free(list);
      list = next;
    }
  }
  p.pooled = 0;
}

void set_pool_limit(size_t bytes) {
  Pool& p = pool();
  bool trim;
  {
    std::lock_guard<std::mutex> lock(p.mutex);
    p.limit = bytes;
    trim = p.pooled > bytes;
  }
  if (trim) trim_memory();
}

void set_memory_limit(size_t bytes) {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  p.memoryLimit = bytes;
}

MemoryUse memory_use() {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  return {p.inUse, p.pooled, p.buffers};
}

Scratch::Scratch(size_t bytes) : data_(allocate(bytes)) {}
Scratch::~Scratch() { deallocate(data_); }

}  // namespace cadenza
