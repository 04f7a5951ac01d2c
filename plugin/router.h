// Path to handler, errors to the key that the engine reads, one log line per call.
//
// On HTTP 200 a network driver's error is "Err" and an IPAM driver's is "Error"; on any other
// status the engine looks for "Err" only. source: docs/PROTOCOL.md "Errors"
#pragma once

#include "base/result.h"
#include "plugin/commit_group.h"
#include "plugin/http_codec.h"
#include "plugin/server.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace drawbridge {

/// NetworkDriver's "Err", IpamDriver's "Error", and the control socket's: "Err" with status 500.
enum class ErrorKey : std::uint8_t { err, error, control };
enum class LogAs : std::uint8_t { info, debug };  // debug: called often and changes nothing
enum class Commit : std::uint8_t { by_itself, in_group };

/// What an answer waits for although everything is done and durable.
struct AnswerDelay {
  /// Calls `go_on` when the answer may leave: once, on the core thread, at once or later.
  std::function<void(std::function<void()> go_on)> until;
  std::string_view what;  // for the log: "proxies"
};

/// One call while it is handled.
struct Call {
  std::string_view body;
  std::string subject;                    // what it is about, for the log: "network=0123456789ab"
  std::optional<AnswerDelay> delay = {};  // of the answer, when nothing failed
};

struct Route {
  ErrorKey error_key;
  LogAs log_as;
  std::function<Result<std::string>(Call&)> handle;  // returns the reply's JSON
  Commit commit = Commit::by_itself;
  std::string_view method = "POST";
  char const* content_type = "application/json";  // of the reply when nothing failed
};

class Router {
 public:
  /// group  outlives the router; whoever runs it ends the group when no request waits
  explicit Router(CommitGroup& group) : group_(group) {}

  /// Adds a route; a path may have one for each method.
  void add(std::string const& path, Route route) {
    routes_[path].emplace(route.method, std::move(route));
  }

  /// Sees the outcome of every call before it is answered, and may put it in other words.
  using Review = std::function<Result<std::string>(std::string_view path, std::string_view body,
                                                   Result<std::string> outcome)>;
  void review_with(Review review) { review_ = std::move(review); }

  /// Runs a POST that was made before once more, without log and answer. It is durable when this
  /// returns.
  Result<std::string> run(std::string_view path, std::string_view body);

  /// Answers any request, now, when the group ends, or when its handler's delay is over: 404 for an
  /// unknown path, 405 for a method that it does not take, 400 for a body that cannot be read, 200
  /// with an error key for what could not be done. A request outside the group ends the one before
  /// it. Other requests are handled while an answer is delayed.
  ///
  /// request  lives until it is answered
  void handle(HttpRequest const& request, Answer answer);

 private:
  struct Pending;
  using Waiting = std::shared_ptr<Pending>;

  void conclude(Waiting const& waiting, Result<std::string> outcome);

  CommitGroup& group_;
  Review review_ = [](std::string_view, std::string_view, Result<std::string> outcome) {
    return outcome;
  };
  std::map<std::string, std::map<std::string_view, Route>, std::less<>> routes_;
};

}  // namespace drawbridge
