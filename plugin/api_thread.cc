#include "plugin/api_thread.h"

#include <utility>

namespace drawbridge {

ApiThread::ApiThread(std::filesystem::path socket, std::chrono::milliseconds limit)
    : api_(std::move(socket), limit), thread_([this] { run(); }) {}

ApiThread::~ApiThread() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  api_.stop();
  thread_.join();
}

void ApiThread::push(Task task) {
  std::lock_guard const lock(mutex_);
  tasks_.push_back(std::move(task));
  changed_.notify_one();
}

void ApiThread::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (stopping_) {
      return;
    }
    Task const task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task(api_);
    lock.lock();
  }
}

}  // namespace drawbridge
