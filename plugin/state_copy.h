// A copy of the state, as bytes: what `drawbridge backup` writes, whether a daemon runs or not.
#pragma once

#include "base/result.h"
#include "store/store.h"

#include <filesystem>
#include <string>

namespace drawbridge {

/// state_dir  the store's own folder, where the copy is for a moment
/// returns    a file that the store can be started from
/// errors     store   it cannot be copied; nothing is left behind
Result<std::string> copy_of_state(Store& store, std::filesystem::path const& state_dir);

}  // namespace drawbridge
