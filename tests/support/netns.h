// Network namespaces for tests of the real kernel: nothing that they do reaches this machine's own.
#pragma once

#include "base/file_descriptor.h"

#include <gtest/gtest.h>

#include <string>

namespace drawbridge {

/// Moves this process into user and network namespaces of its own, where it is root. To be called
/// before there is a second thread.
///
/// returns  why not; empty on success
std::string enter_private_namespaces();

/// Runs `command` in a shell, in this process's namespaces, and expects it to succeed: ip(8) says
/// independently of our own code what is there.
///
/// returns  what it printed
std::string shell(std::string const& command);

/// returns  every link, address, route of this namespace, as ip(8) prints them
std::string host_snapshot();

/// A network namespace beside the present one, as a sandbox is.
class Netns {
 public:
  Netns();
  /// Moves a link of the present namespace into this one.
  void take_link(std::string const& name) const;

  /// Runs `work` inside and comes back.
  template <class Work>
  void run(Work work) const {
    FileDescriptor const home = open_current();
    enter(namespace_);
    work();
    enter(home);
  }

 private:
  static FileDescriptor open_current();
  static void enter(FileDescriptor const& netns);

  FileDescriptor namespace_;
};

/// A test that starts in a fresh network namespace, with nothing but a loopback link that is up.
class NetnsTest : public testing::Test {
 protected:
  void SetUp() override;
};

}  // namespace drawbridge
