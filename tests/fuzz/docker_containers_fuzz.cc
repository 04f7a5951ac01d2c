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

void check(Container const& container) {
  assert(is_path(path_of_containers(container.name)));
  for (Attachment const& each : container.attachments) {
    assert(!each.ipv4 || each.ipv4->length <= bits_of(each.ipv4->family()));
    assert(!each.ipv6 || each.ipv6->length <= bits_of(each.ipv6->family()));
  }
}

}  // namespace

void fuzz_docker_containers(std::string_view bytes) {
  assert(is_path(path_of_containers(bytes)));
  assert(is_path(path_of_container(bytes)));
  Result<std::vector<Container>> const containers = decode_containers(bytes);
  for (Container const& each : containers ? *containers : std::vector<Container>()) {
    check(each);
  }
  if (Result<Container> const container = decode_container(bytes)) {
    assert(!container->id.value.empty());
    check(*container);
  }
}

}  // namespace drawbridge
