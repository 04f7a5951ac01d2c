#include "netlink/sysctl.h"

#include "base/file_descriptor.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace drawbridge {
namespace {

std::string path_of(std::string const& key) {
  return "/proc/sys/net/" + key;
}

/// "net.ipv4.ip_forward"; a dot inside an interface name is written as sysctl(8) wants it.
std::string dotted(std::string const& key) {
  std::string out = "net/" + key;
  for (char& c : out) {
    c = c == '/' ? '.' : c == '.' ? '/' : c;
  }
  return out;
}

std::string key_of(Family family) {
  return family == Family::ipv4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding";
}

Error sysctl_error(std::string const& key, int number) {
  Errc const code = number == ENOENT ? Errc::not_found : Errc::kernel;
  std::string reason = std::strerror(number);
  reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  return Error{code, std::move(reason)}.within(dotted(key));
}

}  // namespace

Result<std::string> read_sysctl(std::string const& key) {
  FileDescriptor const file(::open(path_of(key).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) {
    return fail(sysctl_error(key, errno));
  }
  char text[256];
  ssize_t const size = ::read(file.get(), text, sizeof text);
  if (size < 0) {
    return fail(sysctl_error(key, errno));
  }
  std::string value(text, static_cast<std::size_t>(size));
  value.erase(std::min(value.find('\n'), value.size()));
  return value;
}

Result<void> write_sysctl(std::string const& key, std::string const& value) {
  Result<std::string> const present = read_sysctl(key);
  if (!present) {
    return fail(present.error());
  }
  if (*present == value) {
    return {};
  }
  FileDescriptor const file(::open(path_of(key).c_str(), O_WRONLY | O_CLOEXEC));
  if (file.is_open() && ::write(file.get(), value.data(), value.size()) >= 0) {
    return {};
  }
  Error error = sysctl_error(key, errno);
  error.message.append(fmt::format("; run: sysctl -w {}={}", dotted(key), value));
  return fail(std::move(error));
}

Result<std::set<Family>> forwarded_families() {
  std::set<Family> families;
  for (Family const family : {Family::ipv4, Family::ipv6}) {
    Result<std::string> const value = read_sysctl(key_of(family));
    if (value && *value != "0") {
      families.insert(family);
    } else if (!value && value.error().code != Errc::not_found) {
      return fail(value.error());
    }
  }
  return families;
}

Result<void> enable_forwarding(Family family) {
  Result<void> const written = write_sysctl(key_of(family), "1");
  if (!written) {
    return fail(written.error().within("enable forwarding"));
  }
  return {};
}

}  // namespace drawbridge
