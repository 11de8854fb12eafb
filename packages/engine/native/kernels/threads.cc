#include "threads.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cadenza {
namespace {

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

using Clock = std::chrono::steady_clock;
constexpr auto spinTime = std::chrono::microseconds(60);

thread_local bool inTask = false;

}  // namespace

struct ThreadPool::State {
  std::atomic<int> threads{1};  // read by whoever divides work; changes only under `busy`
  std::vector<std::thread> workers;

  // The job in progress; written by the caller before `generation` advances.
  void (*task)(void*, int) = nullptr;
  void* context = nullptr;
  int count = 0;
  bool stop = false;
  std::exception_ptr failure;

  alignas(64) std::atomic<uint32_t> generation{0};
  alignas(64) std::atomic<int> remaining{0};
  alignas(64) std::atomic<int> sleeping{0};
  std::atomic_flag busy = ATOMIC_FLAG_INIT;
  std::mutex mutex;
  std::condition_variable wake;

  void execute(int first) {
    inTask = true;
    try {
      const int step = threads.load(std::memory_order_relaxed);
      for (int index = first; index < count; index += step) task(context, index);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex);
      if (!failure) failure = std::current_exception();
    }
    inTask = false;
  }

  // Waits until `generation` differs from `seen`: spins, then sleeps.
  void await(uint32_t seen) {
    const auto deadline = Clock::now() + spinTime;
    do {
      for (int spin = 0; spin < 32; ++spin) {
        if (generation.load(std::memory_order_acquire) != seen) return;
        relax();
      }
    } while (Clock::now() < deadline);
    std::unique_lock<std::mutex> lock(mutex);
    sleeping.fetch_add(1);
    wake.wait(lock, [&] { return generation.load() != seen; });
    sleeping.fetch_sub(1);
  }

  void work(int index, uint32_t seen) {
    for (;;) {
      await(seen);
      ++seen;
      if (stop) return;
      execute(index);
      remaining.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  void publish() {
    generation.fetch_add(1);
    if (sleeping.load() > 0) {
      { std::lock_guard<std::mutex> lock(mutex); }
      wake.notify_all();
    }
  }

  void start(int number) {
    threads = number;
    const uint32_t seen = generation.load();
    try {
      for (int index = 1; index < number; ++index) workers.emplace_back([this, index, seen] { work(index, seen); });
    } catch (...) {
      // No more threads to be had: go on with those that started.
      threads = static_cast<int>(workers.size()) + 1;
    }
  }

  void join() {
    stop = true;
    publish();
    for (std::thread& worker : workers) worker.join();
    workers.clear();
    stop = false;
    threads = 1;
  }
};

ThreadPool::ThreadPool(int threads) : state_(new State()) { set_threads(threads); }

ThreadPool::~ThreadPool() {
  state_->join();
  delete state_;
}

int ThreadPool::threads() const { return inTask ? 1 : state_->threads.load(std::memory_order_relaxed); }

void ThreadPool::set_threads(int threads) {
  if (threads <= 0) threads = static_cast<int>(std::thread::hardware_concurrency());
  if (threads <= 0) threads = 1;
  if (threads > 256) threads = 256;
  State& s = *state_;
  while (s.busy.test_and_set(std::memory_order_acquire)) std::this_thread::sleep_for(spinTime);
  if (threads != s.threads) {
    s.join();
    if (threads > 1) s.start(threads);
  }
  s.busy.clear(std::memory_order_release);
}

void ThreadPool::run(int count, void (*task)(void*, int), void* context) {
  State& s = *state_;
  if (threads() == 1 || count <= 1 || s.busy.test_and_set(std::memory_order_acquire)) {
    for (int index = 0; index < count; ++index) task(context, index);
    return;
  }
  s.task = task;
  s.context = context;
  s.count = count;
  s.failure = nullptr;
  s.remaining.store(s.threads - 1, std::memory_order_relaxed);
  s.publish();
  s.execute(0);
  for (int spin = 0; s.remaining.load(std::memory_order_acquire) != 0; ++spin) {
    if (spin < 4096) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }
  std::exception_ptr failure = s.failure;
  s.failure = nullptr;
  s.busy.clear(std::memory_order_release);
  if (failure) std::rethrow_exception(failure);
}

ThreadPool& default_pool() {
  // Never destroyed: at the end of the process a thread of Node's may still be in a kernel.
  static ThreadPool* const pool = new ThreadPool();
  return *pool;
}

}  // namespace cadenza
