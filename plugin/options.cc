#include "plugin/options.h"

#include <string>
#include <string_view>

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
  return config;
}

}  // namespace drawbridge
