#include "base/file_descriptor.h"

#include <unistd.h>

namespace drawbridge {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

}  // namespace drawbridge
