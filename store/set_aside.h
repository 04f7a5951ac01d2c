// A state file that cannot be used, moved out of the way. Internal to store/.
#pragma once

#include "base/result.h"
#include "model/pool.h"

#include <filesystem>

namespace drawbridge {

/// Renames FILE, FILE-wal and FILE-shm, as far as they are there, to FILE.corrupt-YYYYMMDDTHHMMSS
/// (UTC) with the same endings, or with -2, -3 … behind the time where that is taken. All copies
/// are kept: how much they matter only their owner knows.
///
/// returns  the new name of FILE
/// errors   store   cannot be renamed; the text says why
Result<std::filesystem::path> set_aside(std::filesystem::path const& file, WallTime now);

}  // namespace drawbridge
