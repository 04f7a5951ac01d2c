// The verbs that ask the running daemon and print what it says.
#pragma once

#include "base/result.h"
#include "cli/options.h"

#include <string>

namespace drawbridge {

/// What a verb prints, and what the program ends with.
struct Outcome {
  std::string text;
  int exit_code = 0;
};

// Errors of all of these: as those of ask_daemon() (control_client.h), and
//   not_found   no network, or no pool, of that name
Result<Outcome> run_verb(StatusCommand const& command);
Result<Outcome> run_verb(NetworksCommand const& command);
Result<Outcome> run_verb(EndpointsCommand const& command);
Result<Outcome> run_verb(PoolsCommand const& command);
Result<Outcome> run_verb(ExplainCommand const& command);
Result<Outcome> run_verb(PortsCommand const& command);
Result<Outcome> run_verb(ReconcileCommand const& command);

}  // namespace drawbridge
