#include "store/set_aside.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <stdio.h>  // renameat2

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

// The log first: without the file it says nothing, but the file without it says too little.
constexpr std::array<char const*, 3> endings{"-wal", "-shm", ""};

bool is_taken(std::string const& name) {
  std::error_code ignored;
  for (char const* const ending : endings) {
    if (fs::symlink_status(name + ending, ignored).type() != fs::file_type::not_found) {
      return true;
    }
  }
  return false;
}

std::string free_name(fs::path const& file, WallTime now) {
  std::string const plain =
      fmt::format("{}.corrupt-{:%Y%m%dT%H%M%S}", file.string(),
                  fmt::gmtime(std::chrono::system_clock::to_time_t(
                      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now))));
  std::string name = plain;
  for (int number = 2; is_taken(name); ++number) {
    name = fmt::format("{}-{}", plain, number);
  }
  return name;
}

Result<void> rename(std::string const& from, std::string const& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 ||
      errno == ENOENT) {
    return {};
  }
  return fail(Errc::store, fmt::format("{}: cannot be moved to {}: {}: move it away", from, to,
                                       std::generic_category().message(errno)));
}

}  // namespace

Result<fs::path> set_aside(fs::path const& file, WallTime now) {
  std::string const copy = free_name(file, now);
  for (char const* const ending : endings) {
    if (Result<void> const renamed = rename(file.string() + ending, copy + ending); !renamed) {
      return fail(renamed.error());
    }
  }
  return fs::path(copy);
}

}  // namespace drawbridge
