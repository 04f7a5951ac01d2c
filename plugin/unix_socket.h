// A listening unix socket and the file by which clients find it.
//
// The file is never open to others, not even for a moment; a stale one is replaced, a live one is
// left alone. Descriptors are closed on exec. source: unix(7)
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"

#include <filesystem>

#include <sys/types.h>

namespace drawbridge {

class UnixSocket {
 public:
  /// Binds and listens, mode 0600. Missing directories are created with mode 0755, but for the one
  /// that holds the file.
  ///
  /// directory_mode  mode of the socket's own directory, should it be missing
  /// errors  invalid_argument  the path is longer than a socket address can hold
  ///         conflict          another process answers there, or the file is not a socket
  ///         kernel            the directory or the file cannot be made; the text says why
  static Result<UnixSocket> listen_on(std::filesystem::path path, mode_t directory_mode = 0755);

  /// Takes over a socket that listens already (socket activation). Its file is not ours to remove.
  static UnixSocket adopt(FileDescriptor listening);

  /// Removes a socket file on which nobody answers.
  ///
  /// returns  whether there was one
  /// errors   as those of listen_on()
  static Result<bool> remove_stale(std::filesystem::path const& path);

  UnixSocket(UnixSocket&& other) noexcept;
  ~UnixSocket() { remove_file(); }

  /// returns  the listening descriptor; from then on only the file is kept here
  FileDescriptor take_descriptor() { return std::move(descriptor_); }

  /// returns  false for one that was taken over
  bool has_file() const { return !path_.empty(); }

  /// Removes the file, unless another process has put its own there since.
  void remove_file();

 private:
  UnixSocket() = default;

  FileDescriptor descriptor_;
  std::filesystem::path path_;  // empty: no file of ours
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace drawbridge
