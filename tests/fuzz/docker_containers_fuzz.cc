#include "docker/containers.h"
#include "tests/fuzz/targets.h"

#include <algorithm>
#include <cassert>

namespace drawbridge {
namespace {

bool is_path(std::string_view text) {
  return text.starts_with('/') && std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c < '\x7f' && c != '#' && c != '"';
         });
}

}  // namespace

void fuzz_docker_containers(std::string_view bytes) {
  assert(is_path(path_of_containers(bytes)));
  Result<std::vector<DockerContainer>> const containers = decode_containers(bytes);
  for (DockerContainer const& each : containers ? *containers : std::vector<DockerContainer>()) {
    assert(std::all_of(each.names.begin(), each.names.end(),
                       [](std::string const& name) { return is_path(path_of_containers(name)); }));
  }
}

}  // namespace drawbridge
