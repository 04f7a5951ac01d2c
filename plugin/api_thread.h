// A thread that does one thing of the Docker API after the other, and so may wait for each.
#pragma once

#include "docker/api_client.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

namespace drawbridge {

class ApiThread {
 public:
  using Task = std::function<void(ApiClient&)>;

  /// limit  of each call
  ApiThread(std::filesystem::path socket, std::chrono::milliseconds limit);
  /// Ends the call in progress. What has not begun is never done.
  ~ApiThread();

  /// From any thread.
  void push(Task task);

 private:
  void run();

  ApiClient api_;  // the thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace drawbridge
