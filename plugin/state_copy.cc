#include "plugin/state_copy.h"

#include <fmt/core.h>

#include <fstream>
#include <iterator>
#include <system_error>

namespace drawbridge {
namespace {

Result<std::string> bytes_of(std::filesystem::path const& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  return stream.bad() || bytes.empty()
             ? fail(Errc::store, fmt::format("{}: cannot be read", file.string()))
             : Result<std::string>(std::move(bytes));
}

}  // namespace

Result<std::string> copy_of_state(Store& store, std::filesystem::path const& state_dir) {
  std::filesystem::path const copy = state_dir / "state.db.copy";
  std::error_code ignored;  // of a copy that is not there
  std::filesystem::remove(copy, ignored);
  Result<void> const copied = store.back_up(copy);
  Result<std::string> bytes = copied ? bytes_of(copy) : fail(copied.error());
  std::filesystem::remove(copy, ignored);
  return bytes;
}

}  // namespace drawbridge
