#include "plugin/router.h"

#include "base/log.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <chrono>

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
  return HttpReply{200, error_body({key == ErrorKey::err ? "Err" : "Error"}, error.message),
                   json_type};
}

void log_call(std::string_view path, Call const& call, LogAs log_as, Error const* error,
              std::chrono::steady_clock::time_point begin) {
  std::chrono::duration<double, std::milli> const spent = std::chrono::steady_clock::now() - begin;
  std::string_view const method = path.substr(1);
  std::string_view const gap = call.subject.empty() ? "" : " ";
  if (error != nullptr) {
    log::warn("{}{}{} failed in {:.2f} ms: {}", method, gap, call.subject, spent.count(),
              error->message);
  } else if (log_as == LogAs::info) {
    log::info("{}{}{} ok in {:.2f} ms", method, gap, call.subject, spent.count());
  } else {
    log::debug("{}{}{} ok in {:.2f} ms", method, gap, call.subject, spent.count());
  }
}

}  // namespace

HttpReply Router::handle(HttpRequest const& request) const {
  auto const found = routes_.find(request.path);
  if (found == routes_.end()) {
    log::warn("unknown method {}", request.path);
    return refusal(404, "unknown method " + request.path);
  }
  Route const& route = found->second;
  if (request.method != route.method) {
    return refusal(405,
                   fmt::format("{} takes {}, not {}", request.path, route.method, request.method));
  }
  auto const begin = std::chrono::steady_clock::now();
  Call call{request.body, {}};
  Result<std::string> result = route.handle(call);
  log_call(request.path, call, route.log_as, result ? nullptr : &result.error(), begin);
  if (result) {
    return HttpReply{200, std::move(*result), json_type};
  }
  return reply_to(result.error(), route.error_key);
}

}  // namespace drawbridge
