#include "ports/port_holder.h"

#include "ports/port_lists.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <netinet/in.h>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds longest_look{100};
constexpr char const* unknown = "another process";
constexpr int share_of_looks = 4;  // this many times as long as a look took, there is none

std::string read_file(fs::path const& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool is_any(IpAddress const& address) {
  return address.bits == 0;
}

/// returns  true where one address keeps the other out; "::" may stand for both families
bool overlap(IpAddress const& address, std::optional<IpAddress> const& wanted) {
  bool const for_both = !wanted || (is_any(address) && address.family == Family::ipv6);
  return for_both || (address.family == wanted->family &&
                      (address == *wanted || is_any(address) || is_any(*wanted)));
}

/// returns  the socket in the way, those that listen before others, and those that have a process
std::optional<ListedSocket> find_socket(HostPort const& port) {
  fs::path const list = "/proc/thread-self/net";
  std::string const name = port.protocol == IPPROTO_UDP ? "udp" : "tcp";
  std::vector<ListedSocket> sockets = parse_sockets(read_file(list / name), port.port);
  std::vector<ListedSocket> const more = parse_sockets(read_file(list / (name + "6")), port.port);
  sockets.insert(sockets.end(), more.begin(), more.end());
  std::erase_if(sockets,
                [&](ListedSocket const& each) { return !overlap(each.address, port.host); });
  auto const rank = [](ListedSocket const& each) {
    return std::pair(each.listens, each.inode != 0);
  };
  auto const best = std::max_element(
      sockets.begin(), sockets.end(),
      [&](ListedSocket const& a, ListedSocket const& b) { return rank(a) < rank(b); });
  return best == sockets.end() ? std::nullopt : std::optional(*best);
}

bool has_open(fs::path const& process, std::string const& file) {
  std::error_code error;
  for (fs::directory_iterator each(process / "fd", error), end; !error && each != end;
       each.increment(error)) {
    std::error_code gone;
    if (fs::read_symlink(each->path(), gone) == file) {
      return true;
    }
  }
  return false;
}

bool is_process(fs::path const& path) {
  std::string const name = path.filename().string();
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string name_of_process(fs::path const& process) {
  std::string name = read_file(process / "comm");
  name.erase(std::find(name.begin(), name.end(), '\n'), name.end());
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return fmt::format("{} (pid {})", name, process.filename().string());
}

std::optional<std::string> find_process(std::string const& file, Clock::time_point deadline) {
  std::error_code error;
  for (fs::directory_iterator each("/proc", error), end; !error && each != end;
       each.increment(error)) {
    if (Clock::now() > deadline) {
      return std::nullopt;
    }
    if (is_process(each->path()) && has_open(each->path(), file)) {
      return name_of_process(each->path());
    }
  }
  return std::nullopt;
}

std::string look(HostPort const& port, Clock::time_point deadline) {
  std::optional<ListedSocket> const socket = find_socket(port);
  if (!socket) {
    return unknown;
  }
  if (socket->inode == 0) {
    return "a connection that ended less than a minute ago: try again then";
  }
  return find_process(fmt::format("socket:[{}]", socket->inode), deadline).value_or(unknown);
}

}  // namespace

std::string PortHolders::holder_of(HostPort const& port) {
  Clock::time_point const begin = Clock::now();
  if (begin < next_look_) {
    return unknown;
  }
  std::string holder = look(port, begin + longest_look);
  Clock::time_point const end = Clock::now();
  next_look_ = end + share_of_looks * (end - begin);
  return holder;
}

}  // namespace drawbridge
