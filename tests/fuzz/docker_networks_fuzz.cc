#include "docker/networks.h"
#include "tests/fuzz/targets.h"

#include <cassert>

namespace drawbridge {
namespace {

void check(DockerNetwork const& network) {
  assert(!network.id.value.empty());
  for (DockerSubnet const& subnet : network.subnets) {
    assert(!subnet.prefix.has_host_bits());
  }
  assert(network.bridge.size() <= 15);
  for (IpPrefix const& subnet : known_network(network).subnets) {
    assert(subnet.address.bits != 0);
  }
}

}  // namespace

void fuzz_docker_networks(std::string_view bytes) {
  if (Result<DockerNetwork> const network = decode_network(bytes)) {
    check(*network);
  }
  Result<std::vector<DockerNetwork>> const networks = decode_networks(bytes);
  for (DockerNetwork const& network : networks ? *networks : std::vector<DockerNetwork>()) {
    check(network);
  }
}

}  // namespace drawbridge
