// `proxies`, `attachments` and `ensure_networks` of the configuration. docs/configuration.md is the
// user's page. Internal to config*.cc.
#pragma once

#include "attach/plan.h"
#include "plugin/json_reader.h"

namespace drawbridge {

/// Refuses by `in` what cannot be.
void read_attach_wishes(JsonReader const& in, AttachWishes& wishes);

}  // namespace drawbridge
