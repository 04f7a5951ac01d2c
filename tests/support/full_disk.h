// A disk that is full, as far as this process can tell.
#pragma once

#include <csignal>

#include <sys/resource.h>

namespace drawbridge {

/// No file of this process grows beyond `bytes` while the object lives.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &was_);
    rlimit const full{bytes, was_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &full);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &was_); }

 private:
  rlimit was_{};
};

}  // namespace drawbridge
