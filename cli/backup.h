// `drawbridge backup`: a copy of the state, whether the daemon runs or not.
//
// The daemon sends the copy, and this side writes it: so FILE means what it means to who asks, in
// whatever mount namespace the daemon is. Where none runs, the state folder is locked and read
// here.
#pragma once

#include "base/result.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace drawbridge {

/// Writes the copy with mode 0600 to a new file, or to standard output. The file is made when all
/// of the copy is there: an empty one would pass for a state with nothing in it.
///
/// errors  already_exists   FILE is there; untouched
///         not_found        neither a daemon nor a state is there
///         kernel           FILE cannot be written; nothing is left of it
///         and as those of ask_daemon() and open_store()
Result<Outcome> run_verb(BackupCommand const& command);

}  // namespace drawbridge
