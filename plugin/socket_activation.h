// Sockets that whoever started the daemon listens on for it: the protocol of sd_listen_fds(3).
//
// They outlive the daemon: what clients ask while one daemon stops and the next starts waits there.
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"

#include <filesystem>
#include <string>
#include <vector>

namespace drawbridge {

struct PassedDescriptor {
  FileDescriptor descriptor;
  std::string name;  // FileDescriptorName= of the socket unit, or the unit's name; may be empty
};

/// Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, and unsets them. Only before there are threads.
///
/// first    the number of the first descriptor
/// returns  what was passed to this process, each closed on exec; empty when nothing was
/// errors   invalid_argument   LISTEN_FDS is no number, or a descriptor is not there
/// source   sd_listen_fds(3), sd_listen_fds_with_names(3)
Result<std::vector<PassedDescriptor>> take_passed_descriptors(int first = 3);

struct SocketPaths {
  std::filesystem::path plugin;
  std::filesystem::path control;
};

struct ActivatedSockets {
  FileDescriptor plugin;   // closed: not passed, to be bound as usual
  FileDescriptor control;  // alike
};

/// Tells which socket is which: by its name, `plugin` or `control`, else by the path it is bound
/// to.
///
/// errors  invalid_argument   one does not listen, is of another kind, open to others than its
///                            owner or for something else, or two are for the same; the text says
///                            which and what to do
Result<ActivatedSockets> tell_apart(std::vector<PassedDescriptor> passed, SocketPaths const& paths);

}  // namespace drawbridge
