// A consistent copy of the state file, made while it is in use. Internal to store/.
#pragma once

#include "base/result.h"
#include "store/sqlite.h"

#include <filesystem>

namespace drawbridge {

/// Writes what the database holds to a new file of mode 0600. It is on disk when the call returns.
/// No transaction is open.
///
/// errors  conflict   something is there already; untouched
///         store      not writable, disk full, …; nothing is left of the copy
Result<void> copy_into(Database& database, std::filesystem::path const& copy);

}  // namespace drawbridge
