// The tables of the state file, and what makes an opened file ours: its version, its settings.
#pragma once

#include "base/result.h"
#include "store/sqlite.h"

namespace drawbridge {

/// Makes an empty file a state file, or checks that it is one that this version can read, and
/// chooses durability and memory use for this connection.
///
/// errors  unsupported  written by a newer version; left untouched
///         store        not a state file, or not writable
Result<void> prepare_state_file(Database& database);

/// Reads every page of the file.
///
/// errors  store   it is damaged, or has rows that belong to nothing
Result<void> check_structure(Database& database);

}  // namespace drawbridge
