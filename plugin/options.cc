#include "plugin/options.h"

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

namespace drawbridge {
namespace {

template <class T>
Result<void> outrank(std::optional<std::string> const& flag, Result<T> (*parse)(std::string_view),
                     T& target) {
  if (!flag) {
    return {};
  }
  Result<T> const value = parse(*flag);
  if (!value) {
    return fail(value.error());
  }
  target = *value;
  return {};
}

/// Who has which name or label is known by the Docker API alone.
Result<void> check_needs(Config const& config) {
  AttachWishes const& wishes = config.attach;
  std::pair<std::string_view, bool> const keys[] = {
      {"proxies", !wishes.proxies.empty()},
      {"attachments", !wishes.attachments.empty()},
      {"ensure_networks", !wishes.networks.empty()},
  };
  for (auto const& [key, is_used] : keys) {
    if (is_used && config.docker_socket.empty()) {
      return fail(Errc::invalid_argument,
                  fmt::format("\"{}\" needs the docker api: set docker_socket", key));
    }
  }
  return {};
}

}  // namespace

Result<Config> resolve_config(ServeCommand const& command) {
  Result<Config> config = read_config(command.config);
  if (!config) {
    return config;
  }
  Result<void> const socket =
      outrank(command.docker_socket, parse_docker_socket, config->docker_socket);
  if (!socket) {
    return fail(socket.error().within("docker_socket"));
  }
  Result<void> const level = outrank(command.log_level, log::parse_level, config->log_level);
  if (!level) {
    return fail(level.error());
  }
  Result<void> const format = outrank(command.log_format, log::parse_format, config->log_format);
  if (!format) {
    return fail(format.error());
  }
  Result<void> const met = check_needs(*config);
  return met ? config : fail(met.error().within(command.config.string()));
}

}  // namespace drawbridge
