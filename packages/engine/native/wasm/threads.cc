// The thread pool where there are no threads: everything runs on the caller. Stands in for kernels/threads.cc.
#include "../kernels/threads.h"

namespace cadenza {

struct ThreadPool::State {};

ThreadPool::ThreadPool(int) : state_(nullptr) {}
ThreadPool::~ThreadPool() {}
int ThreadPool::threads() const { return 1; }
void ThreadPool::set_threads(int) {}
void ThreadPool::run(int count, void (*task)(void*, int), void* context) {
  for (int index = 0; index < count; ++index) task(context, index);
}

ThreadPool& default_pool() {
  static ThreadPool pool(1);
  return pool;
}

}  // namespace cadenza
