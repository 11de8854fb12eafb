// A small persistent thread pool. The caller is one of the threads; the others spin for a moment, then sleep. Nobody waits for a thread
// that has not begun, so that a machine with other work to do costs little more than the help that does not come.
#pragma once

#include <cstdint>

namespace cadenza {

class ThreadPool {
 public:
  // threads >= 1 counts the caller; 0 = as many as the machine has cores.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // 1 within a task: what a task divides it computes itself.
  int threads() const;
  // Waits for what runs on this pool; not to be called by a task on it.
  void set_threads(int threads);

  // Calls task(context, index) for every index in [0, count), on whatever thread, and returns when all are done. Those of the same
  // i % threads() are one after the other on one thread, so a task must not wait for another.
  // When the pool is busy (another thread uses it, or a task calls it), runs everything on the caller: the results are the same.
  // The first exception thrown by a task is rethrown here.
  void run(int count, void (*task)(void* context, int index), void* context);

 private:
  struct State;
  State* state_;
};

// A pool shared by the whole process, made at first use and never destroyed.
ThreadPool& default_pool();

// f(begin, end) over [0, size) in as many contiguous parts as there are threads, each a multiple of `grain` (the last one aside).
template <typename F>
__attribute__((always_inline)) inline void parallel_for(ThreadPool& pool, int64_t size, int64_t grain, const F& f) {
  if (size <= 0) return;
#if defined(__wasm__)
  // There is one thread, and f, which is inlined, stands in the module once.
  static_cast<void>(pool), static_cast<void>(grain);
  f(static_cast<int64_t>(0), size);
#else
  const int64_t grains = (size + grain - 1) / grain;
  const int parts = static_cast<int>(grains < pool.threads() ? grains : pool.threads());
  if (parts <= 1) {
    f(static_cast<int64_t>(0), size);
    return;
  }
  struct Job {
    const F* f;
    int64_t size, grain, grains;
    int parts;
  } job{&f, size, grain, grains, parts};
  pool.run(
      parts,
      [](void* context, int index) {
        const Job& j = *static_cast<const Job*>(context);
        const int64_t begin = j.grains * index / j.parts * j.grain;
        const int64_t stop = j.grains * (index + 1) / j.parts * j.grain;
        (*j.f)(begin, stop < j.size ? stop : j.size);
      },
      &job);
#endif
}

}  // namespace cadenza
