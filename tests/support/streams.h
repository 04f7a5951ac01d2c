// Streams and datagrams between namespaces, measured.
#pragma once

#include "tests/support/netns.h"

#include <chrono>
#include <cstddef>
#include <string>

namespace drawbridge {

/// Somebody with an address: a container, or this host.
struct StreamEnd {
  Netns const* netns;  // none: this host
  std::string address;

  template <class Work>
  void run(Work work) const {
    netns != nullptr ? netns->run(work) : work();
  }
};

/// returns  bits per second of a TCP stream that has come to its pace
double rate_between(StreamEnd const& from, StreamEnd const& to,
                    std::chrono::milliseconds time = std::chrono::milliseconds(1500));

/// returns  true when a datagram from this address of `from` arrives; waits for it as long as a
/// busy
///          machine may take
bool reaches(StreamEnd const& from, std::string const& source, StreamEnd const& to,
             std::size_t bytes, int patience_ms = 3000);

}  // namespace drawbridge
