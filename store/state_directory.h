// The directory that holds the state file: made private, and held by one process at a time.
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"

#include <filesystem>

namespace drawbridge {

/// Creates the directory with mode 0700 if it is missing and locks DIRECTORY/lock, which holds the
/// process id.
///
/// returns  the lock: held until the descriptor is closed or the process ends
/// errors   conflict   another process holds it; the text has its id
///          store      cannot be created or written
Result<FileDescriptor> hold_state_directory(std::filesystem::path const& directory);

}  // namespace drawbridge
