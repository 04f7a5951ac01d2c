// drawbridge.json: what an administrator may set. Everything is optional. Pure but for reading.
//
// docs/configuration.md is the user's page: every key, its values and its default.
#pragma once

#include "attach/plan.h"
#include "base/log.h"
#include "base/result.h"
#include "ipam/ipam.h"

#include <filesystem>
#include <map>
#include <string>

namespace drawbridge {

struct Config {
  PoolConfig pools = default_pool_config();
  std::map<std::string, std::string> defaults;  // options of networks that set none; all good
  std::string docker_socket;                    // empty: no Docker API
  AttachWishes attach;                          // proxies, attachments, ensure_networks
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
};

/// errors  invalid_argument   the text says line and reason:
///                            `line 3: pool "pods": "prefix" is not a number`
Result<Config> parse_config(std::string_view text);

/// returns  the path of a socket: `text` itself, or what follows unix:// as DOCKER_HOST has it;
/// empty
///          for an empty one
/// errors   invalid_argument   not an absolute path
Result<std::string> parse_docker_socket(std::string_view text);

/// Reads FILE, then the *.json files of the folder conf.d beside it in the order of their names; a
/// later file replaces whole keys of an earlier one. Files that are not there are skipped. Each
/// must be good by itself, but that the default pool may be in another.
///
/// errors  invalid_argument   the text says file, line and reason
Result<Config> read_config(std::filesystem::path const& file);

}  // namespace drawbridge
