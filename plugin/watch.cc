#include "plugin/watch.h"

#include "base/file_descriptor.h"

#include <boost/asio/post.hpp>
#include <fmt/core.h>

#include <cerrno>

#include <fcntl.h>

namespace drawbridge {

using boost::system::error_code;

Result<void> Watch::open(int descriptor) {
  // Asio closes what it has waited for: it gets a descriptor of its own.
  FileDescriptor copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  error_code error(copy.is_open() ? 0 : errno, boost::system::system_category());
  if (error || descriptor_.assign(copy.get(), error)) {
    return fail(Errc::kernel, fmt::format("watch descriptor {}: {}", descriptor, error.message()));
  }
  copy.release();
  return {};
}

void Watch::wait() {
  using boost::asio::posix::stream_descriptor;
  descriptor_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
    if (error) {
      return;
    }
    core_.post_aside([this] {
      on_readable_();
      boost::asio::post(io_, [this] { wait(); });
    });
  });
}

}  // namespace drawbridge
