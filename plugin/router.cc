#include "plugin/router.h"

#include "base/log.h"
#include "plugin/control_error.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <chrono>
#include <memory>
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

/// A call under way: what its log line and its reply need once the outcome is known.
struct Pending {
  Route const& route;
  std::string_view path;
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  Call call = {};
};

void log_call(Pending const& pending, Error const* error) {
  std::chrono::duration<double, std::milli> const spent =
      std::chrono::steady_clock::now() - pending.begin;
  std::string_view const method = pending.path.substr(1);
  std::string const& subject = pending.call.subject;
  std::string_view const gap = subject.empty() ? "" : " ";
  if (error != nullptr) {
    log::warn("{}{}{} failed in {:.2f} ms: {}", method, gap, subject, spent.count(),
              error->message);
  } else if (pending.route.log_as == LogAs::info) {
    log::info("{}{}{} ok in {:.2f} ms", method, gap, subject, spent.count());
  } else {
    log::debug("{}{}{} ok in {:.2f} ms", method, gap, subject, spent.count());
  }
}

HttpReply finish(Pending const& pending, Result<std::string> const& outcome) {
  log_call(pending, outcome ? nullptr : &outcome.error());
  return outcome ? HttpReply{200, *outcome, pending.route.content_type}
                 : reply_to(outcome.error(), pending.route.error_key);
}

}  // namespace

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
  auto const pending = std::make_shared<Pending>(Pending{route, path});
  pending->call.body = request.body;
  if (route.commit == Commit::by_itself) {
    group_.finish();
    answer(finish(*pending, review_(path, request.body, route.handle(pending->call))));
    return;
  }
  group_.add([&] { return pending->route.handle(pending->call); },
             [this, pending, answer = std::move(answer)](Result<std::string> const& outcome) {
               answer(finish(*pending, review_(pending->path, pending->call.body, outcome)));
             });
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
  if (route.commit == Commit::by_itself) {
    return route.handle(call);
  }
  Result<std::string> outcome;
  group_.add([&] { return route.handle(call); },
             [&outcome](Result<std::string> const& reached) { outcome = reached; });
  group_.finish();
  return outcome;
}

}  // namespace drawbridge
