#include "plugin/router.h"

#include "base/log.h"
#include "plugin/control_error.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace drawbridge {
namespace {

constexpr char const* json_type = "application/json";

std::string error_body(std::initializer_list<char const*> keys, std::string const& message) {
  boost::json::object body;
  for (char const* key : keys) {
    body[key] = message;
  }
  return boost::json::serialize(body);
}

HttpReply refusal(int status, std::string const& message) {
  return HttpReply{status, error_body({"Err", "Error"}, message), json_type};
}

HttpReply reply_to(Error const& error, ErrorKey key) {
  if (error.code == Errc::malformed) {
    return refusal(400, error.message);
  }
  int const status = key == ErrorKey::control ? control_failure : 200;
  return HttpReply{status, error_body({key == ErrorKey::error ? "Error" : "Err"}, error.message),
                   json_type};
}

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

/// A call under way: what its log line and its reply need once the outcome is known.
struct Router::Pending {
  Route const& route;
  std::string_view path;
  Answer answer;
  Clock::time_point begin = Clock::now();
  Call call = {};
  Result<std::string> outcome = {};
  std::optional<Clock::time_point> waits_since = {};  // if not answered at once
  bool is_answered = false;

  std::string time() const;
  void tell() const;
  HttpReply reply() const;
  void finish();
};

/// returns  "121.00 ms (waited 119.20 ms for proxies)"
std::string Router::Pending::time() const {
  Clock::time_point const now = Clock::now();
  std::string text = fmt::format("{:.2f} ms", milliseconds(now - begin));
  if (waits_since) {
    text += fmt::format(" (waited {:.2f} ms for {})", milliseconds(now - *waits_since),
                        call.delay->what);
  }
  return text;
}

void Router::Pending::tell() const {
  std::string_view const method = path.substr(1);
  std::string_view const gap = call.subject.empty() ? "" : " ";
  if (!outcome) {
    log::warn("{}{}{} failed in {}: {}", method, gap, call.subject, time(),
              outcome.error().message);
  } else if (route.log_as == LogAs::info) {
    log::info("{}{}{} ok in {}", method, gap, call.subject, time());
  } else {
    log::debug("{}{}{} ok in {}", method, gap, call.subject, time());
  }
}

HttpReply Router::Pending::reply() const {
  return outcome ? HttpReply{200, *outcome, route.content_type}
                 : reply_to(outcome.error(), route.error_key);
}

/// Once: the connection may be gone with its request after the first answer.
void Router::Pending::finish() {
  if (std::exchange(is_answered, true)) {
    return;
  }
  tell();
  answer(reply());
}

void Router::handle(HttpRequest const& request, Answer answer) {
  auto const found = routes_.find(request.path);
  if (found == routes_.end()) {
    log::warn("unknown method {}", request.path);
    answer(refusal(404, "unknown method " + request.path));
    return;
  }
  auto const& [path, methods] = *found;
  auto const taken = methods.find(request.method);
  if (taken == methods.end()) {
    answer(refusal(
        405, fmt::format("{} takes {}, not {}", path, methods.begin()->first, request.method)));
    return;
  }
  Route const& route = taken->second;
  auto const waiting = std::make_shared<Pending>(Pending{route, path, std::move(answer)});
  waiting->call.body = request.body;
  if (route.commit == Commit::by_itself) {
    group_.finish();
    conclude(waiting, route.handle(waiting->call));
    return;
  }
  group_.add([&] { return route.handle(waiting->call); },
             [this, waiting](Result<std::string> const& outcome) { conclude(waiting, outcome); });
}

/// What was done is durable. The answer leaves now, or when what delays it is over.
void Router::conclude(Waiting const& waiting, Result<std::string> outcome) {
  Call const& call = waiting->call;
  waiting->outcome = review_(waiting->path, call.body, std::move(outcome));
  if (!waiting->outcome || !call.delay) {
    waiting->finish();
    return;
  }
  Clock::time_point const now = Clock::now();
  call.delay->until([waiting] { waiting->finish(); });
  if (!waiting->is_answered) {
    waiting->waits_since = now;
  }
}

Result<std::string> Router::run(std::string_view path, std::string_view body) {
  auto const found = routes_.find(path);
  if (found == routes_.end()) {
    return fail(Errc::not_found, fmt::format("unknown method {}", path));
  }
  auto const taken = found->second.find("POST");
  if (taken == found->second.end()) {
    return fail(Errc::not_found, fmt::format("{} takes no POST", path));
  }
  Route const& route = taken->second;
  Call call;
  call.body = body;
  group_.finish();
  Result<std::string> outcome;
  if (route.commit == Commit::by_itself) {
    outcome = route.handle(call);
  } else {
    group_.add([&] { return route.handle(call); },
               [&outcome](Result<std::string> const& reached) { outcome = reached; });
    group_.finish();
  }
  if (outcome && call.delay) {
    call.delay->until([] {});  // what comes of it is to happen, though nobody waits for it
  }
  return outcome;
}

}  // namespace drawbridge
