// Threads that work on many short tasks in a row, without going to sleep in between.
#pragma once

#include <atomic>
#include <cstdint>

#include "threads.h"

namespace cadenza {

// A member leads; the others wait for its tasks in a loop for as long as `lead` runs. The leader never waits for a member that has not
// begun: it does that part itself. So a machine with other work to do costs little more than the help that does not come.
class Team {
 public:
  static constexpr int maximumParts = 16;

  // Runs lead(context, team) with as many as `parts` members (fewer when the pool has fewer threads), the caller leading.
  static void run(ThreadPool& pool, int parts, void (*lead)(void* context, Team& team), void* context);

  int parts() const { return parts_; }
  // Calls task(context, part) for every part in [0, parts()), and returns when all are done. Only for the leader.
  void each(void (*task)(void* context, int part), void* context);

  template <typename F>
  __attribute__((always_inline)) void each(const F& f) {
    each([](void* context, int part) { (*static_cast<const F*>(context))(part); }, const_cast<F*>(&f));
  }

 private:
  explicit Team(int parts) : parts_(parts) {}
  void help(int part);

  struct alignas(64) Member {
    std::atomic<uint32_t> claimed{0};   // the last task that somebody took this part of
    std::atomic<uint32_t> finished{0};  // the last one that this member has done
  };
  alignas(64) std::atomic<uint32_t> published_{0};
  std::atomic<bool> over_{false};
  void (*task_)(void*, int) = nullptr;
  void* context_ = nullptr;
  int parts_;
  Member members_[maximumParts];
};

}  // namespace cadenza
