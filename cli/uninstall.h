// `drawbridge uninstall`: removes what is ours from this host, and says what it was.
#pragma once

#include "base/result.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "plugin/verb_replies.h"

#include <string>

namespace drawbridge {

/// Removes links, tables, accept rules and socket files, and with `--state` what is in the state
/// folder. Nothing while a daemon runs.
///
/// errors  conflict   a daemon runs; the text says how that is known
///         kernel     something is left; the text says what, and why
Result<Outcome> run_verb(UninstallCommand const& command);

/// returns  what was removed, and what is left, for people
std::string uninstall_text(UninstallReply const& reply);

}  // namespace drawbridge
