// One request to a router, and its reply when nothing else waits.
#pragma once

#include "plugin/commit_group.h"
#include "plugin/router.h"

#include <utility>

namespace drawbridge {

inline HttpReply ask(Router& router, CommitGroup& group, HttpRequest const& request) {
  HttpReply reply;
  router.handle(request, [&reply](HttpReply answer) { reply = std::move(answer); });
  group.finish();
  return reply;
}

}  // namespace drawbridge
