"""IPv6 subnets that nobody named: from the host's own ULA prefix, or from a configured pool."""

import ipaddress

from probes import EVERYTHING, NOTHING, assert_reached, gets_through, reach

ULA = ipaddress.ip_network("fd00::/8")


def subnet6(docker, network):
    """The IPv6 subnet of `network`, an ipaddress.IPv6Network."""
    subnets = [ipaddress.ip_network(each["Subnet"])
               for each in docker.inspect_network(network)["IPAM"]["Config"]]
    return next(subnet for subnet in subnets if subnet.version == 6)


def gateway6(container, network):
    return container.networks()[network]["IPv6Gateway"]


def test_ipv6_without_a_subnet_comes_from_one_ula_prefix(lab, binary, docker):
    first, second = docker.network("--ipv6"), docker.network("--ipv6")
    subnets = [subnet6(docker, first), subnet6(docker, second)]
    prefix = subnets[0].supernet(new_prefix=48)
    assert prefix.subnet_of(ULA)
    assert [subnet.prefixlen for subnet in subnets] == [64, 64]
    assert subnets[0] != subnets[1] and subnets[1].subnet_of(prefix)
    lab.stop_drawbridge()
    lab.start_drawbridge(binary)
    third = subnet6(docker, docker.network("--ipv6"))
    assert third.subnet_of(prefix), "the prefix outlives a restart"
    assert third not in subnets


def test_members_of_a_ula_network_reach_each_other_and_nobody_else(docker):
    network, other_network = docker.network("--ipv6"), docker.network("--ipv6")
    one, member = docker.run(network), docker.run(network)
    stranger = docker.run(other_network)
    assert ipaddress.ip_address(one.address6()) in subnet6(docker, network)
    assert reach(one, member, member.address6()) == EVERYTHING
    assert reach(member, one, one.address()) == EVERYTHING
    assert gets_through(one, gateway6(one, network))
    assert_reached({
        (one, stranger, stranger.address6()): NOTHING,
        (stranger, one, one.address6()): NOTHING,
    })
    assert gets_through(stranger, gateway6(stranger, other_network)), "the control"


def test_both_addresses_of_the_users_choice(docker):
    network = docker.network("--ipv6", "--subnet", "10.75.0.0/24", "--subnet", "fd00:75::/64")
    one = docker.run(network, "--ip", "10.75.0.9", "--ip6", "fd00:75::9")
    member = docker.run(network)
    assert (one.address(), one.address6()) == ("10.75.0.9", "fd00:75::9")
    assert reach(member, one, "10.75.0.9") == EVERYTHING
    assert reach(member, one, "fd00:75::9") == EVERYTHING


def test_a_configured_ula_pool_is_used_instead(docker, configure):
    generated = subnet6(docker, docker.network("--ipv6"))
    configure({"pools": {"pods": {"prefixes": ["10.249.0.0/16"]},
                         "ula": {"prefixes": ["fd12:3456:789a::/48"]}}})
    network = docker.network("--ipv6")
    assert str(subnet6(docker, network)) == "fd12:3456:789a:1::/64"
    assert not generated.subnet_of(ipaddress.ip_network("fd12:3456:789a::/48"))
    one, member = docker.run(network), docker.run(network)
    assert reach(one, member, member.address6()) == EVERYTHING


def test_a_pool_with_both_families_gives_both(docker, configure):
    configure({"pools": {"dual": {"prefixes": ["10.64.0.0/16", "fd12:3456:789b::/48"],
                                  "prefix": 26, "prefix6": 72}}, "default_pool": "dual"})
    network = docker.network("--ipv6")
    assert docker.subnet(network) == "10.64.0.64/26"
    assert str(subnet6(docker, network)) == "fd12:3456:789b:0:100::/72"
    one = docker.run(network)
    assert gets_through(one, gateway6(one, network))
