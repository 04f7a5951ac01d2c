#include "netlink/resolvers.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include <sys/stat.h>

namespace drawbridge {
namespace {

/// returns  true for what means this host itself: 127.0.0.0/8, ::1, and the unspecified addresses
bool is_loopback(IpAddress const& address) {
  if (address.family == Family::ipv4) {
    return address.bits >> 24 == 127 || address.bits == 0;
  }
  return address.bits <= 1;
}

/// returns  the address that a line names, if it names one; "fe80::1%eth0" is fe80::1
std::optional<IpAddress> name_server_of(std::string const& line) {
  std::istringstream words(line);
  std::string keyword;
  std::string address;
  words >> keyword >> address;
  if (keyword != "nameserver") {
    return std::nullopt;
  }
  Result<IpAddress> const parsed = IpAddress::parse(address.substr(0, address.find('%')));
  return parsed ? std::optional(*parsed) : std::nullopt;
}

std::string text_of(std::filesystem::path const& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::set<IpAddress> name_servers(std::string_view resolv_conf) {
  std::set<IpAddress> servers;
  std::istringstream lines{std::string(resolv_conf)};
  for (std::string line; std::getline(lines, line);) {
    if (std::optional<IpAddress> const server = name_server_of(line)) {
      servers.insert(*server);
    }
  }
  return servers;
}

std::set<IpAddress> without_loopback(std::set<IpAddress> const& addresses) {
  std::set<IpAddress> reachable = addresses;
  std::erase_if(reachable, is_loopback);
  return reachable;
}

Resolvers::Resolvers(std::filesystem::path resolv_conf, std::filesystem::path behind_stub)
    : resolv_conf_(std::move(resolv_conf)), behind_stub_(std::move(behind_stub)) {}

std::set<IpAddress> const& Resolvers::current() {
  if (seen_ != identities()) {
    // Looked at before they are read: a file that changes in between is read again.
    std::vector<Identity> now{identity_of(resolv_conf_), identity_of(behind_stub_)};
    read();
    now.resize(is_stub_ ? 2 : 1);
    seen_ = std::move(now);
  }
  return servers_;
}

std::vector<Resolvers::Identity> Resolvers::identities() const {
  std::vector<Identity> now{identity_of(resolv_conf_)};
  if (is_stub_) {
    now.push_back(identity_of(behind_stub_));
  }
  return now;
}

void Resolvers::read() {
  std::set<IpAddress> const named = name_servers(text_of(resolv_conf_));
  servers_ = without_loopback(named);
  is_stub_ = servers_.empty() && !named.empty();
  if (is_stub_) {
    servers_ = without_loopback(name_servers(text_of(behind_stub_)));
  }
}

Resolvers::Identity Resolvers::identity_of(std::filesystem::path const& file) {
  struct stat found{};
  if (::stat(file.c_str(), &found) != 0) {
    return {};
  }
  return {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

}  // namespace drawbridge
