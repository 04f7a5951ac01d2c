// What verbs say with --json that no daemon is asked for: JSON objects. Pure. docs/operations.md
// names their members.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace drawbridge {

/// What `drawbridge backup` did.
struct BackupReply {
  std::string file;
  std::size_t bytes = 0;
  std::string state;  // what it is a copy of
};

/// What `drawbridge uninstall` removed.
struct UninstallReply {
  std::size_t links = 0;
  std::size_t accept_rules = 0;
  std::vector<std::string> files;  // sockets, and what was in the state folder
  std::string state_dir;           // that is left; empty: none is
};

/// What `drawbridge check` found.
struct CheckReply {
  std::string file;
  std::string error;  // empty: it is good
};

std::string encode_backup(BackupReply const& reply);
std::string encode_uninstall(UninstallReply const& reply);
std::string encode_check(CheckReply const& reply);

}  // namespace drawbridge
