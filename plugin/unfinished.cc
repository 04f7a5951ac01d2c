#include "plugin/unfinished.h"

#include "ipam/address_space.h"
#include "plugin/network_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace drawbridge {
namespace {

constexpr std::array<std::string_view, 2> unpublishing = {
    "/NetworkDriver.RevokeExternalConnectivity", "/NetworkDriver.Leave"};
constexpr std::array<std::string_view, 4> removals = {
    "/NetworkDriver.DeleteEndpoint", "/NetworkDriver.DeleteNetwork", "/IpamDriver.ReleaseAddress",
    "/IpamDriver.ReleasePool"};
constexpr std::array<std::string_view, 2> publishing = {
    "/NetworkDriver.ProgramExternalConnectivity", "/NetworkDriver.Join"};

template <class List>
bool is_among(List const& list, std::string_view path) {
  return std::find(list.begin(), list.end(), path) != list.end();
}

/// A swarm manager may ask for the same pool again, which then is the same lease.
bool may_be_wanted_again(std::string_view path, std::string_view body) {
  return path.starts_with("/IpamDriver.") && body.find(global_address_space) != body.npos;
}

}  // namespace

void Unfinished::note(std::string_view path, std::string_view body,
                      Result<std::string> const& outcome) {
  if (outcome) {
    if (is_among(publishing, path)) {
      forget_unpublishing(body);
    }
    return;
  }
  bool const is_removal = is_among(removals, path) || is_among(unpublishing, path);
  if (!is_removal || outcome.error().code != Errc::store || may_be_wanted_again(path, body)) {
    return;
  }
  Request request{std::string(path), std::string(body)};
  if (std::find(requests_.begin(), requests_.end(), request) == requests_.end()) {
    requests_.push_back(std::move(request));
  }
}

void Unfinished::forget_unpublishing(std::string_view body) {
  Result<EndpointRef> const published = decode_endpoint_ref(body);
  if (!published) {
    return;
  }
  std::erase_if(requests_, [&published](Request const& request) {
    Result<EndpointRef> const ref = is_among(unpublishing, request.path)
                                        ? decode_endpoint_ref(request.body)
                                        : fail(Errc::not_found, "not about ports");
    return ref && ref->endpoint == published->endpoint;
  });
}

std::vector<std::string> Unfinished::retry(Run const& run) {
  std::vector<std::string> lines;
  while (!requests_.empty()) {
    Request const request = requests_.front();
    Result<std::string> const outcome = run(request.path, request.body);
    if (!outcome && outcome.error().code == Errc::store) {
      break;
    }
    requests_.erase(requests_.begin());
    std::string const method = request.path.substr(1);
    lines.push_back(outcome ? fmt::format("{} is done now, which the state file refused", method)
                            : fmt::format("{} is given up: {}", method, outcome.error().message));
  }
  return lines;
}

}  // namespace drawbridge
