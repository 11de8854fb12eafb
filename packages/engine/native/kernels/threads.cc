#include "threads.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
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

  // A job has a number, the generation, and a share for each thread: the indices s, s + threads, ... Whoever is the first to write
  // the number into a share does it, each thread its own before others': nobody waits for a thread that has not woken up yet.
  struct alignas(64) Share {
    std::atomic<uint32_t> claimed{0};
  };
  std::unique_ptr<Share[]> shares;

  // The job in progress; written by the caller before `generation` advances, read by who has claimed a share of it.
  void (*task)(void*, int) = nullptr;
  void* context = nullptr;
  int count = 0;
  std::exception_ptr failure;
  std::atomic<bool> stop{false};

  alignas(64) std::atomic<uint32_t> generation{0};
  alignas(64) std::atomic<int> remaining{0};  // shares that are not done
  alignas(64) std::atomic<int> sleeping{0};
  std::atomic_flag busy = ATOMIC_FLAG_INIT;
  std::mutex mutex;
  std::condition_variable wake;

  // False too where the job is over, by a thread that comes late: then every share bears its number or a later one.
  bool claim(int share, uint32_t job) {
    uint32_t last = shares[share].claimed.load(std::memory_order_relaxed);
    return static_cast<int32_t>(job - last) > 0 && shares[share].claimed.compare_exchange_strong(last, job, std::memory_order_acq_rel);
  }

  // Does what is left of a job, beginning with a share.
  void help(int own, uint32_t job) {
    const int step = threads.load(std::memory_order_relaxed);
    for (int n = 0; n < step; ++n) {
      const int share = (own + n) % step;
      if (!claim(share, job)) continue;
      execute(share, step);
      remaining.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  void execute(int share, int step) {
    inTask = true;
    try {
      for (int index = share; index < count; index += step) task(context, index);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex);
      if (!failure) failure = std::current_exception();
    }
    inTask = false;
  }

  // Waits until `generation` differs from `seen`, and gives it: spins, then sleeps.
  uint32_t await(uint32_t seen) {
    const auto deadline = Clock::now() + spinTime;
    do {
      for (int spin = 0; spin < 32; ++spin) {
        const uint32_t now = generation.load(std::memory_order_acquire);
        if (now != seen) return now;
        relax();
      }
    } while (Clock::now() < deadline);
    std::unique_lock<std::mutex> lock(mutex);
    sleeping.fetch_add(1);
    wake.wait(lock, [&] { return generation.load() != seen; });
    sleeping.fetch_sub(1);
    return generation.load();
  }

  void work(int index, uint32_t seen) {
    for (;;) {
      seen = await(seen);
      if (stop) return;
      help(index, seen);
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
    shares.reset(new Share[static_cast<size_t>(number)]);
    for (int share = 0; share < number; ++share) shares[share].claimed.store(seen, std::memory_order_relaxed);
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
  const int threads = s.threads, used = count < threads ? count : threads;
  const uint32_t job = s.generation.load(std::memory_order_relaxed) + 1;
  for (int share = used; share < threads; ++share) s.shares[share].claimed.store(job, std::memory_order_relaxed);
  s.remaining.store(used, std::memory_order_relaxed);
  s.publish();
  s.help(0, job);
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
