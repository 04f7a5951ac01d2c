#include "driver/permission_set.h"
#include "driver/policy_options.h"
#include "tests/fuzz/targets.h"

#include <cassert>
#include <variant>

namespace drawbridge {
namespace {

constexpr std::size_t max_reason_bytes = 600;

void check_refusal(Error const& error) {
  assert(error.code == Errc::invalid_argument);
  assert(!error.message.empty() && error.message.size() < max_reason_bytes);
  for (char const c : error.message) {
    assert(static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
  }
}

template <class T>
void check_word(Result<T> const& value) {
  if (!value) {
    check_refusal(value.error());
  }
}

template <class Range>
bool meet(Range const& one, Range const& other) {
  return one.first <= other.last && other.first <= one.last;
}

bool overlap(Permission const& one, Permission const& other) {
  auto const* prefix = std::get_if<IpPrefix>(&one.from);
  auto const* other_prefix = std::get_if<IpPrefix>(&other.from);
  bool const same_peer = prefix != nullptr && other_prefix != nullptr
                             ? prefix->overlaps(*other_prefix)
                             : one.from == other.from;
  return same_peer && meet(one.service.protocols, other.service.protocols) &&
         meet(one.service.ports, other.service.ports);
}

void check_permissions(std::vector<Permission> const& permissions) {
  assert(!permissions.empty());
  assert(without_overlaps(permissions) == permissions);
  for (std::size_t i = 0; i < permissions.size(); ++i) {
    auto const* prefix = std::get_if<IpPrefix>(&permissions[i].from);
    assert(prefix == nullptr || !prefix->has_host_bits());
    for (std::size_t k = i + 1; k < permissions.size(); ++k) {
      assert(!overlap(permissions[i], permissions[k]));
    }
  }
}

void check_hubs(std::vector<Hub> const& hubs) {
  std::string text;
  for (Hub const& hub : hubs) {
    text += (text.empty() ? "" : ",") + to_text(hub);
  }
  assert(parse_hubs(text).value() == hubs);
}

}  // namespace

void fuzz_policy_options(std::string_view bytes) {
  check_word(parse_isolation(bytes));
  check_word(parse_gateway(bytes));
  check_word(parse_gateway_mode(bytes));
  check_word(parse_docker_bool(bytes));
  check_word(parse_team(bytes));
  check_word(parse_host_address(bytes, Family::ipv4));
  check_word(parse_host_address(bytes, Family::ipv6));
  check_word(parse_egress(bytes));
  Result<std::vector<Permission>> const permissions = parse_permissions(bytes);
  permissions ? check_permissions(*permissions) : check_refusal(permissions.error());
  Result<std::vector<Hub>> const hubs = parse_hubs(bytes);
  hubs ? check_hubs(*hubs) : check_refusal(hubs.error());
}

}  // namespace drawbridge
