// Path to handler, errors to the key that the engine reads, one log line per call.
//
// On HTTP 200 a network driver's error is "Err" and an IPAM driver's is "Error"; on any other
// status the engine looks for "Err" only. source: docs/PROTOCOL.md "Errors"
#pragma once

#include "base/result.h"
#include "plugin/http_codec.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace drawbridge {

enum class ErrorKey { err, error };  // NetworkDriver's "Err", IpamDriver's "Error"
enum class LogAs { info, debug };    // debug: called often and changes nothing

/// One call while it is handled.
struct Call {
  std::string_view body;
  std::string subject;  // what it is about, for the log: "network=0123456789ab"
};

struct Route {
  ErrorKey error_key;
  LogAs log_as;
  std::function<Result<std::string>(Call&)> handle;  // returns the reply's JSON
  std::string_view method = "POST";
};

class Router {
 public:
  void add(std::string path, Route route) { routes_.emplace(std::move(path), std::move(route)); }

  /// Answers any request: 404 for an unknown path, 400 for a body that cannot be read, 200 with an
  /// error key for what could not be done.
  HttpReply handle(HttpRequest const& request) const;

 private:
  std::map<std::string, Route, std::less<>> routes_;
};

}  // namespace drawbridge
