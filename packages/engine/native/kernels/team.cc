#include "team.h"

#if !defined(__wasm__)
#include <thread>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cadenza {
namespace {

// Waits a moment longer each time; hands the processor over when it takes long.
class Patience {
 public:
  void wait() {
#if !defined(__wasm__)
    if (++turns_ > 4096) {
      std::this_thread::yield();
      return;
    }
#endif
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

 private:
  int turns_ = 0;
};

}  // namespace

void Team::run(ThreadPool& pool, int parts, void (*lead)(void*, Team&), void* context) {
  if (parts > pool.threads()) parts = pool.threads();
  if (parts > maximumParts) parts = maximumParts;
  if (parts < 1) parts = 1;
  Team team(parts);
  if (parts == 1) return lead(context, team);
  struct Call {
    Team* team;
    void (*lead)(void*, Team&);
    void* context;
  } call{&team, lead, context};
  pool.run(
      parts,
      [](void* given, int part) {
        const Call& c = *static_cast<const Call*>(given);
        if (part > 0) return c.team->help(part);
        struct End {
          Team* team;
          ~End() { team->over_.store(true, std::memory_order_release); }
        } end{c.team};
        c.lead(c.context, *c.team);
      },
      &call);
}

void Team::help(int part) {
  Member& me = members_[part];
  uint32_t seen = 0;
  Patience patience;
  while (!over_.load(std::memory_order_acquire)) {
    const uint32_t task = published_.load(std::memory_order_acquire);
    if (task == seen) {
      patience.wait();
      continue;
    }
    seen = task;
    uint32_t before = task - 1;
    if (!me.claimed.compare_exchange_strong(before, task, std::memory_order_acq_rel)) continue;
    task_(context_, part);
    me.finished.store(task, std::memory_order_release);
    patience = Patience();
  }
}

void Team::each(void (*task)(void*, int), void* context) {
  if (parts_ == 1) return task(context, 0);
  task_ = task;
  context_ = context;
  const uint32_t number = published_.load(std::memory_order_relaxed) + 1;
  published_.store(number, std::memory_order_release);
  task(context, 0);
  for (int part = 1; part < parts_; ++part) {
    Member& member = members_[part];
    uint32_t before = number - 1;
    if (member.claimed.compare_exchange_strong(before, number, std::memory_order_acq_rel)) {
      task(context, part);
      continue;
    }
    for (Patience patience; member.finished.load(std::memory_order_acquire) != number;) patience.wait();
  }
}

}  // namespace cadenza
