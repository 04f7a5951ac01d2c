// One configured pool as a JSON object: in GET /pools and in GET /status of the control socket. For
// the *_listing.cc and *_report.cc files; shows Boost.JSON, so no other folder includes it.
#pragma once

#include "ipam/pool_report.h"
#include "plugin/json_reader.h"

namespace drawbridge {

boost::json::object object_of_pool(PoolReport const& report);

/// What is wrong is told to `in`.
PoolReport read_pool(JsonReader const& in);

}  // namespace drawbridge
