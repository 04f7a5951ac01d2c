#include "plugin/unix_socket.h"

#include "tests/support/expect_ok.h"
#include "tests/support/temp_directory.h"
#include "tests/support/unix_client.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace drawbridge {
namespace {

mode_t mode_of(std::filesystem::path const& path) {
  struct stat status{};
  ::lstat(path.c_str(), &status);
  return status.st_mode & 0777;
}

/// Leaves a socket file behind on which nobody listens.
void leave_stale(std::filesystem::path const& path) {
  Result<UnixSocket> socket = UnixSocket::listen_on(path);
  ASSERT_OK(socket);
  std::filesystem::rename(path, path.native() + ".kept");
  socket->remove_file();
  std::filesystem::rename(path.native() + ".kept", path);
}

TEST(UnixSocket, IsForItsOwnerAloneWhateverTheUmask) {
  TempDirectory const directory;
  mode_t const before = ::umask(0);
  Result<UnixSocket> const socket = UnixSocket::listen_on(directory / "p.sock");
  ::umask(before);
  ASSERT_OK(socket);
  EXPECT_EQ(mode_of(directory / "p.sock"), 0600U);
}

TEST(UnixSocket, MakesMissingDirectories) {
  TempDirectory const directory;
  mode_t const before = ::umask(0);
  Result<UnixSocket> const socket = UnixSocket::listen_on(directory / "run/plugins/p.sock");
  ::umask(before);
  ASSERT_OK(socket);
  EXPECT_EQ(mode_of(directory / "run"), 0755U);
  EXPECT_EQ(mode_of(directory / "run/plugins"), 0755U);
}

TEST(UnixSocket, MakesAFolderOfItsOwnForItsOwnerAlone) {
  TempDirectory const directory;
  ASSERT_OK(UnixSocket::listen_on(directory / "run/drawbridge/control.sock", 0700));
  EXPECT_EQ(mode_of(directory / "run"), 0755U);
  EXPECT_EQ(mode_of(directory / "run/drawbridge"), 0700U);
}

TEST(UnixSocket, LeavesAFolderThatIsThereAsItIs) {
  TempDirectory const directory;
  std::filesystem::create_directory(directory / "drawbridge");
  mode_t const before = mode_of(directory / "drawbridge");
  ASSERT_OK(UnixSocket::listen_on(directory / "drawbridge/control.sock", 0700));
  EXPECT_EQ(mode_of(directory / "drawbridge"), before);
}

TEST(UnixSocket, RemovesAStaleFileOnly) {
  TempDirectory const directory;
  EXPECT_FALSE(UnixSocket::remove_stale(directory / "none.sock").value());
  leave_stale(directory / "p.sock");
  EXPECT_TRUE(UnixSocket::remove_stale(directory / "p.sock").value());
  EXPECT_FALSE(std::filesystem::exists(directory / "p.sock"));
  Result<UnixSocket> const live = UnixSocket::listen_on(directory / "p.sock");
  EXPECT_TRUE(fails_with(UnixSocket::remove_stale(directory / "p.sock"), Errc::conflict,
                         "another process answers there"));
  EXPECT_TRUE(std::filesystem::exists(directory / "p.sock"));
}

TEST(UnixSocket, IsClosedOnExec) {
  TempDirectory const directory;
  Result<UnixSocket> socket = UnixSocket::listen_on(directory / "p.sock");
  ASSERT_OK(socket);
  FileDescriptor const descriptor = socket->take_descriptor();
  EXPECT_TRUE(::fcntl(descriptor.get(), F_GETFD) & FD_CLOEXEC);
}

TEST(UnixSocket, RemovesItsFileAtTheEnd) {
  TempDirectory const directory;
  {
    ASSERT_OK(UnixSocket::listen_on(directory / "p.sock"));
  }
  EXPECT_FALSE(std::filesystem::exists(directory / "p.sock"));
}

TEST(UnixSocket, ReplacesAStaleFile) {
  TempDirectory const directory;
  leave_stale(directory / "p.sock");
  Result<UnixSocket> const socket = UnixSocket::listen_on(directory / "p.sock");
  ASSERT_OK(socket);
  EXPECT_TRUE(UnixClient(directory / "p.sock").is_connected());
}

TEST(UnixSocket, LeavesALiveOneAlone) {
  TempDirectory const directory;
  Result<UnixSocket> const live = UnixSocket::listen_on(directory / "p.sock");
  ASSERT_OK(live);
  EXPECT_TRUE(fails_with(UnixSocket::listen_on(directory / "p.sock"), Errc::conflict,
                         "p.sock: another process answers there"));
  EXPECT_TRUE(UnixClient(directory / "p.sock").is_connected());
}

TEST(UnixSocket, LeavesTheFileOfASuccessorAlone) {
  TempDirectory const directory;
  Result<UnixSocket> first = UnixSocket::listen_on(directory / "p.sock");
  ASSERT_OK(first);
  std::filesystem::remove(directory / "p.sock");
  Result<UnixSocket> const second = UnixSocket::listen_on(directory / "p.sock");
  ASSERT_OK(second);
  first->remove_file();
  EXPECT_TRUE(UnixClient(directory / "p.sock").is_connected());
}

TEST(UnixSocket, LeavesAFileThatIsNoSocketAlone) {
  TempDirectory const directory;
  std::ofstream(directory / "p.sock") << "kept";
  EXPECT_TRUE(fails_with(UnixSocket::listen_on(directory / "p.sock"), Errc::conflict,
                         "p.sock: the file exists and is not a socket"));
  EXPECT_EQ(std::filesystem::file_size(directory / "p.sock"), 4U);
}

TEST(UnixSocket, SaysThatAPathIsTooLong) {
  TempDirectory const directory;
  EXPECT_TRUE(fails_with(UnixSocket::listen_on(directory / std::string(100, 'x')),
                         Errc::invalid_argument, "characters, a socket's has at most 107"));
}

TEST(UnixSocket, SaysWhichDirectoryCannotBeMade) {
  TempDirectory const directory;
  std::ofstream(directory / "file") << "";
  EXPECT_TRUE(fails_with(UnixSocket::listen_on(directory / "file/plugins/p.sock"), Errc::kernel,
                         "file/plugins: Not a directory"));
}

TEST(UnixSocket, LeavesAnAdoptedSocketsFileAlone) {
  TempDirectory const directory;
  Result<UnixSocket> outer = UnixSocket::listen_on(directory / "p.sock");
  ASSERT_OK(outer);
  {
    UnixSocket const adopted = UnixSocket::adopt(outer->take_descriptor());
  }
  EXPECT_TRUE(std::filesystem::exists(directory / "p.sock"));
}

}  // namespace
}  // namespace drawbridge
