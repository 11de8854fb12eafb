// Memory of the WebAssembly module: buffers for kernels and tensors, operator new, and the heap's growth. Stands in for
// kernels/memory.cc.
//
// An error leaves a call without unwinding (exceptions.cc), so destructors do not run. What a call from JavaScript allocates is
// therefore listed while it runs, and freed when it fails; tensors' memory, which JavaScript asks for between calls, is not.
#include "../kernels/memory.h"

#include <cstdlib>
#include <new>

#include "module.h"

namespace cadenza {
namespace {

constexpr size_t alignment = 64;
constexpr size_t pageBytes = 65536;
// Every growth makes JavaScript run the kernel that caused it again, so it is done in large steps.
constexpr size_t growthBytes = size_t{16} << 20;

// In front of all that is allocated, right before its first byte.
struct Entry {
  Entry* previous;
  Entry* next;
  uint32_t call;  // the call that allocated it, 0 = none
  void* block;    // what malloc gave
};
static_assert(sizeof(Entry) == 16, "keeps the alignment of operator new");

struct Buffer {
  size_t capacity;  // bytes from the first aligned one on
  size_t unused[3];
  Entry entry;
};
static_assert(sizeof(Buffer) == 32, "header");

Entry* listed = nullptr;
uint32_t calls = 0;
bool calling = false;
MemoryUse use = {};

void enlist(Entry* entry, void* block) {
  *entry = {nullptr, nullptr, calling ? calls : 0, block};
  if (!calling) return;
  entry->next = listed;
  if (listed) listed->previous = entry;
  listed = entry;
}

// Entries of earlier calls are in no list any more.
void strike(const Entry* entry) {
  if (!calling || entry->call != calls) return;
  (entry->previous ? entry->previous->next : listed) = entry->next;
  if (entry->next) entry->next->previous = entry->previous;
}

// Eight sizes to a doubling, so that batches of nearly the same size use the same holes.
size_t rounded(size_t bytes) {
  if (bytes < 1024) return (bytes + alignment - 1) / alignment * alignment;
  const size_t step = size_t{1} << (31 - __builtin_clz(static_cast<unsigned>(bytes - 1)) - 3);
  return (bytes + step - 1) / step * step;
}

Buffer* header_of(const void* buffer) { return static_cast<Buffer*>(const_cast<void*>(buffer)) - 1; }

}  // namespace

void* try_allocate(size_t bytes) {
  if (bytes > (size_t{1} << 31) - 4096) return nullptr;  // malloc's own limit
  const size_t capacity = rounded(bytes);
  void* const block = std::malloc(capacity + alignment + sizeof(Buffer));
  if (!block) return nullptr;
  const uintptr_t first = (reinterpret_cast<uintptr_t>(block) + sizeof(Buffer) + alignment - 1) / alignment * alignment;
  void* const buffer = reinterpret_cast<void*>(first);
  header_of(buffer)->capacity = capacity;
  enlist(&header_of(buffer)->entry, block);
  use.inUse += capacity;
  ++use.buffers;
  return buffer;
}

void* allocate(size_t bytes) {
  void* const buffer = try_allocate(bytes);
  if (!buffer) throw std::bad_alloc();
  return buffer;
}

void deallocate(void* buffer) {
  if (!buffer) return;
  Buffer* const header = header_of(buffer);
  use.inUse -= header->capacity;
  --use.buffers;
  strike(&header->entry);
  std::free(header->entry.block);
}

size_t allocated_size(const void* buffer) { return buffer ? header_of(buffer)->capacity : 0; }
// malloc joins what is free; WebAssembly gives no memory back.
void trim_memory() {}
void set_pool_limit(size_t) {}
MemoryUse memory_use() { return use; }

Scratch::Scratch(size_t bytes) : data_(allocate(bytes)) {}
Scratch::~Scratch() { deallocate(data_); }

void begin_call() {
  listed = nullptr;
  calling = true;
  if (++calls == 0) calls = 1;
}

void end_call(bool failed) {
  while (failed && listed) {
    Entry* const entry = listed;
    // A buffer's header lies apart from its block's start, an object's entry is its block's start.
    if (entry != entry->block) {
      deallocate(entry + 1);
    } else {
      listed = entry->next;
      std::free(entry->block);
    }
  }
  calling = false;
}

}  // namespace cadenza

void* operator new(size_t bytes) {
  auto* const entry = static_cast<cadenza::Entry*>(std::malloc(bytes + sizeof(cadenza::Entry)));
  if (!entry) throw std::bad_alloc();
  cadenza::enlist(entry, entry);
  return entry + 1;
}
void operator delete(void* object) noexcept {
  if (!object) return;
  const auto* const entry = static_cast<cadenza::Entry*>(object) - 1;
  cadenza::strike(entry);
  std::free(entry->block);
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void* object, size_t) noexcept { operator delete(object); }
void operator delete[](void* object) noexcept { operator delete(object); }
void operator delete[](void* object, size_t) noexcept { operator delete(object); }

// Where malloc gets its memory from, in place of the C library's, which grows by just what is asked for.
extern "C" void* sbrk(intptr_t bytes) {
  using cadenza::growthBytes;
  using cadenza::pageBytes;
  static uint64_t used = 0;
  uint64_t size = static_cast<uint64_t>(__builtin_wasm_memory_size(0)) * pageBytes;
  if (used == 0) used = size;
  const uint64_t wanted = used + static_cast<uint64_t>(bytes);
  if (wanted > size) {
    const auto pages = [](uint64_t n) { return static_cast<size_t>((n + pageBytes - 1) / pageBytes); };
    const uint64_t step = size / 4 > growthBytes ? size / 4 : growthBytes;
    const bool grown = (wanted - size < step && __builtin_wasm_memory_grow(0, pages(step)) != SIZE_MAX) ||
                       __builtin_wasm_memory_grow(0, pages(wanted - size)) != SIZE_MAX;
    if (!grown) return reinterpret_cast<void*>(-1);
  }
  void* const start = reinterpret_cast<void*>(static_cast<uintptr_t>(used));
  used = wanted;
  return start;
}
