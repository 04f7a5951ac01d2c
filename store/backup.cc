#include "store/backup.h"

#include "base/file_descriptor.h"

#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace drawbridge {
namespace {

Error copy_error(std::filesystem::path const& copy, int number) {
  return {Errc::store, fmt::format("backup {}: {}: choose another place", copy.string(),
                                   std::generic_category().message(number))};
}

/// SQLite fills an empty file, and keeps its mode.
Result<void> create_new(std::filesystem::path const& copy) {
  FileDescriptor const created(
      ::open(copy.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (created.is_open() && ::fchmod(created.get(), 0600) == 0) {
    return {};
  }
  return errno == EEXIST
             ? fail(Errc::conflict, fmt::format("backup {}: exists: remove it or choose another "
                                                "name",
                                                copy.string()))
             : fail(copy_error(copy, errno));
}

Result<void> sync(std::filesystem::path const& path) {
  FileDescriptor const opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return opened.is_open() && ::fsync(opened.get()) == 0 ? Result<void>()
                                                        : fail(copy_error(path, errno));
}

Result<void> fill(Database& database, std::filesystem::path const& copy) {
  Result<void> const filled = database.run("VACUUM INTO ?1", {copy.native()});
  if (!filled) {
    return fail(filled.error().within("backup " + copy.string()));
  }
  Result<void> const synced = sync(copy);
  return synced ? sync(copy.parent_path()) : synced;
}

}  // namespace

Result<void> copy_into(Database& database, std::filesystem::path const& copy) {
  std::filesystem::path const whole = std::filesystem::absolute(copy);
  if (Result<void> const created = create_new(whole); !created) {
    return created;
  }
  Result<void> filled = fill(database, whole);
  if (!filled) {
    ::unlink(whole.c_str());
  }
  return filled;
}

}  // namespace drawbridge
