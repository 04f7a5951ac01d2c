"""A hostile container with NET_ADMIN and NET_RAW tries: nothing gets through, nothing is learned.

The same attempts on a network of Docker's own bridge driver succeed: they are real ones. An honest
frame of the same container follows each attempt and must arrive.
"""

import json
from dataclasses import replace

import frames
import pytest
from containers import Docker
from frames import Card
from lab import wait_for
from probes import EVERYTHING, NOTHING, assert_reached, gets_through, ping, reach
from scenes import FAMILIES, Scene

OUTSIDE = {4: "198.51.100.2", 6: "2001:db8:51::2"}
ELSEWHERE = {4: "203.0.113.9", 6: "2001:db8:99::9"}
NOBODYS_MAC = "02:db:99:99:99:99"
PACKETS = {"udp": frames.udp, "tcp": frames.tcp, "icmp": frames.echo}


@pytest.fixture(scope="module")
def made(lab):
    docker = Docker(lab)
    yield docker
    docker.clean()


@pytest.fixture(scope="module")
def guarded(made):
    return Scene(made, made.dual_network())


@pytest.fixture(scope="module")
def unguarded(made):
    return Scene(made, made.native_network("--ipv6", "--subnet", "fd00:78::/64"))


@pytest.fixture(scope="module")
def stranger(made):
    return made.run(made.dual_network(), "--cap-add", "NET_ADMIN")


def own_udp(scene, family=4):
    """An honest datagram to the third member."""
    return frames.udp(scene.card(scene.hostile, family), scene.card(scene.third, family))


def assert_only_guarded_stops(guarded, unguarded, attempt, family=4):
    """attempt(scene) -> frames to the third member: none arrives where there are guards."""
    forged = attempt(unguarded)
    assert unguarded.come_through(forged, own_udp(unguarded, family)) == set(forged), "real ones"
    assert guarded.come_through(attempt(guarded), own_udp(guarded, family)) == set()


@pytest.mark.parametrize("kind", PACKETS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_forged_source_does_not_reach_a_sibling(guarded, unguarded, stranger, family, kind):
    def attempt(scene):
        own, third = scene.card(scene.hostile, family), scene.card(scene.third, family)
        sources = {
            "sibling": scene.address(scene.sibling, family),
            "gateway": scene.gateway(family).ip,
            "nobody": scene.spare(family),
            "another network": scene.address(stranger, family),
            "outside": OUTSIDE[family],
        }
        return {name: PACKETS[kind](replace(own, ip=ip), third) for name, ip in sources.items()}

    assert_only_guarded_stops(guarded, unguarded, attempt, family)


@pytest.mark.parametrize("kind", PACKETS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_forged_source_does_not_get_outside(lab, guarded, unguarded, stranger, family, kind):
    def attempt(scene):
        gateway = replace(scene.gateway(family), ip=OUTSIDE[family])
        own = scene.card(scene.hostile, family)
        sources = {
            "sibling": scene.address(scene.sibling, family),
            "nobody": scene.spare(family),
            "another network": scene.address(stranger, family),
            "elsewhere": ELSEWHERE[family],
        }
        make = PACKETS[kind]
        forged = {name: make(replace(own, ip=ip), gateway) for name, ip in sources.items()}
        return scene.come_through(forged, make(own, gateway), lab.outside_place), set(forged)

    got_out, tried = attempt(unguarded)
    assert got_out == tried, "real ones"
    assert attempt(guarded)[0] == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_another_mac_sends_nothing(guarded, unguarded, family):
    def attempt(scene):
        own, third = scene.card(scene.hostile, family), scene.card(scene.third, family)
        sibling = scene.card(scene.sibling, family)
        forged = {
            "nobody's, own address": frames.udp(replace(own, mac=NOBODYS_MAC), third),
            "sibling's, own address": frames.udp(replace(own, mac=sibling.mac), third),
            "sibling's, sibling's address": frames.udp(sibling, third),
            "sibling's, to everybody": frames.udp(sibling, replace(third, mac="ff:ff:ff:ff:ff:ff")),
        }
        return forged

    before = guarded.ports()
    assert_only_guarded_stops(guarded, unguarded, attempt, family)
    assert guarded.ports() == before, "the bridge learned nothing"
    address = guarded.address(guarded.sibling, family)
    assert reach(guarded.third, guarded.sibling, address) == EVERYTHING


def test_a_bridge_of_docker_learns_the_macs_that_ours_does_not(guarded, unguarded):
    """The control of what `ports` shows."""
    def stolen(scene):
        sibling, third = scene.card(scene.sibling, 4), scene.card(scene.third, 4)
        assert gets_through(scene.sibling, third.ip), "the bridge has seen where the sibling is"
        before = scene.ports()
        scene.come_through({"stolen": frames.udp(sibling, third)}, own_udp(scene))
        return scene.ports() != before

    assert any(stolen(unguarded) for _ in range(3)), "what the sibling sends by itself takes it back"
    assert not stolen(guarded)


def test_an_interface_with_another_mac_is_cut_off_until_it_has_its_own(guarded):
    hostile, third = guarded.hostile, guarded.third
    hostile.run("ip", "link", "set", "eth0", "address", NOBODYS_MAC)
    try:
        assert_reached({(hostile, third): NOTHING})
    finally:
        hostile.run("ip", "link", "set", "eth0", "address", hostile.mac())
    for family in FAMILIES:
        address = guarded.address(third, family)
        wait_for(lambda a=address: ping(hostile, a), what=f"{address}'s answer")
        assert reach(hostile, third, address) == EVERYTHING


def forged_arp(scene):
    """ARP by which the hostile member takes the gateway's and the sibling's address."""
    own, third = scene.card(scene.hostile, 4), scene.card(scene.third, 4)
    host = replace(scene.gateway(4), ip=third.ip)
    forged = {}
    for name, victim in (("gateway", scene.gateway(4)), ("sibling", scene.card(scene.sibling, 4))):
        lie = replace(own, ip=victim.ip)
        forged |= {
            f"{name}, reply": frames.arp(frames.REPLY, lie, third, to=third),
            f"{name}, reply to all": frames.arp(frames.REPLY, lie, third),
            f"{name}, gratuitous request": frames.arp(frames.REQUEST, lie, lie),
            f"{name}, gratuitous reply": frames.arp(frames.REPLY, lie, lie),
            f"{name}, question": frames.arp(frames.REQUEST, lie, third),
            f"{name}, IEEE 802": frames.arp(frames.REPLY, lie, third, to=third, hardware=6),
            f"{name}, under its MAC": frames.arp(frames.REPLY, lie, third, from_mac=victim.mac),
        }
    nobodys = replace(own, mac=NOBODYS_MAC)
    forged["own address, another MAC"] = frames.arp(frames.REPLY, nobodys, third, from_mac=own.mac)
    to_host = replace(scene.card(scene.sibling, 4), mac=own.mac)
    frames.send(scene.hostile, [frames.arp(frames.REPLY, to_host, host, to=host)])
    return forged


def forged_advertisements(scene):
    """Neighbour discovery by which it takes the gateway's and the sibling's address."""
    own, third = scene.card(scene.hostile, 6), scene.card(scene.third, 6)
    link_local = scene.link_local(scene.hostile)
    forged = {}
    for name, victim in (("gateway", scene.gateway(6)), ("sibling", scene.card(scene.sibling, 6))):
        lie = replace(own, ip=victim.ip)
        plain = frames.neighbour_advertisement(own, lie)
        forged |= {
            f"{name}, from its own address": plain,
            f"{name}, to one": frames.neighbour_advertisement(own, lie, third),
            f"{name}, from its link-local": frames.neighbour_advertisement(link_local, lie),
            f"{name}, from the address": frames.neighbour_advertisement(lie, lie),
            f"{name}, hop-by-hop": frames.behind_header(plain, frames.HOP_BY_HOP),
            f"{name}, options": frames.behind_header(
                frames.neighbour_advertisement(own, lie), frames.DESTINATION_OPTIONS),
            f"{name}, question": frames.neighbour_solicitation(lie, third.ip),
        }
    return forged


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_answers_for_the_gateway_or_a_sibling(guarded, unguarded, family):
    attempt = {4: forged_arp, 6: forged_advertisements}[family]
    before = {}
    for scene in (guarded, unguarded):
        scene.acquaint(family)
        before[scene] = scene.known(family)
    try:
        assert_only_guarded_stops(guarded, unguarded, attempt, family)
        told = unguarded.known(family)
        victims = unguarded.gateway(family).ip, unguarded.address(unguarded.sibling, family)
        hostile = unguarded.hostile.mac()
        assert [told["third", victim] for victim in victims] == [hostile] * 2, "real ones"
        assert told["host", victims[1]] == hostile, "real ones"
    finally:
        for place, interface in unguarded.watchers().values():
            place.run("ip", f"-{family}", "neigh", "flush", "dev", interface)
    after = guarded.known(family)
    assert {key: after[key] for key in before[guarded] if key in after} == before[guarded]
    assert not [key for key in after if key[1] == guarded.spare(family)]


def routes6(member):
    """The IPv6 routes and addresses of a member, without their times."""
    routes = json.loads(member.run("ip", "-j", "-6", "route", "show", "dev", "eth0").stdout)
    links = json.loads(member.run("ip", "-j", "-6", "addr", "show", "dev", "eth0").stdout)
    addresses = {each["local"] for each in links[0]["addr_info"]}
    return {(each["dst"], each.get("gateway")) for each in routes}, addresses


def test_nobody_is_a_router_to_its_siblings(guarded, unguarded):
    def attempt(scene):
        own, third = scene.link_local(scene.hostile), scene.card(scene.third, 6)
        gateway = replace(own, ip=scene.link_local(scene.engine).ip)
        make = frames.router_advertisement
        plain = make(own, "fd66::")
        return {
            "to all": plain,
            "to one": make(own, "fd66::", third),
            "as the gateway": make(gateway, "fd66::"),
            "hop-by-hop": frames.behind_header(make(own, "fd66::"), frames.HOP_BY_HOP),
            "options": frames.behind_header(make(own, "fd66::"), frames.DESTINATION_OPTIONS),
            "redirect": frames.redirect(own, third, OUTSIDE[6], own),
            "redirect as the gateway": frames.redirect(gateway, third, OUTSIDE[6], own),
        }

    before = {scene: routes6(scene.third) for scene in (guarded, unguarded)}
    assert_only_guarded_stops(guarded, unguarded, attempt, 6)
    wait_for(lambda: routes6(unguarded.third) != before[unguarded], 5, "a route of the attacker's")
    assert ("default", unguarded.link_local(unguarded.hostile).ip) in routes6(unguarded.third)[0]
    assert routes6(guarded.third) == before[guarded]


def test_nobody_redirects_its_siblings(guarded, unguarded):
    def attempt(scene):
        own, third = scene.card(scene.hostile, 4), scene.card(scene.third, 4)
        gateway = replace(own, ip=scene.gateway(4).ip)
        return {"as the gateway": frames.ip_redirect(gateway, third, OUTSIDE[4], own.ip)}

    assert_only_guarded_stops(guarded, unguarded, attempt)
    way = guarded.third.run("ip", "route", "get", OUTSIDE[4]).stdout
    assert f"via {guarded.gateway(4).ip} " in way


def test_nobody_is_a_dhcp_server_to_its_siblings(guarded, unguarded):
    def attempt(scene):
        own = {family: scene.card(scene.hostile, family) for family in FAMILIES}
        third = {family: scene.card(scene.third, family) for family in FAMILIES}
        link_local = scene.link_local(scene.hostile)
        advertisement = frames.dhcp6_advertisement(link_local, scene.link_local(scene.third))
        return {
            "offer to all": frames.dhcp_offer(own[4]),
            "offer to one": frames.dhcp_offer(own[4], third[4]),
            "offer as the gateway": frames.dhcp_offer(replace(own[4], ip=scene.gateway(4).ip)),
            "advertisement": advertisement,
            "advertisement to one": frames.dhcp6_advertisement(own[6], third[6]),
            "advertisement behind options": frames.behind_header(
                frames.dhcp6_advertisement(own[6], third[6]), frames.DESTINATION_OPTIONS),
        }

    assert_only_guarded_stops(guarded, unguarded, attempt)


def test_nothing_but_ipv4_ipv6_and_arp_passes(guarded, unguarded):
    def attempt(scene):
        own, third = scene.card(scene.hostile, 4), scene.card(scene.third, 4)
        own6, third6 = scene.card(scene.hostile, 6), scene.card(scene.third, 6)
        question = frames.arp(frames.REQUEST, own, third)
        forged = replace(own, ip=scene.address(scene.sibling, 4))
        return {
            "tagged": frames.tagged(frames.udp(own, third)),
            "tagged, IPv6": frames.tagged(frames.udp(own6, third6)),
            "tagged, ARP": frames.tagged(question),
            "tagged, forged": frames.tagged(frames.udp(forged, third)),
            "tag 0": frames.tagged(frames.udp(forged, third), vlan=0),
            "provider's tag": frames.tagged(frames.udp(own, third), frames.VLAN_OF_PROVIDERS),
            "two tags": frames.tagged(frames.tagged(question), frames.VLAN_OF_PROVIDERS),
            "PPPoE": frames.in_pppoe(frames.udp(forged, third)),
            "experimental": frames.ethernet(own, third, 0x88B5),
            "LLDP": frames.ethernet(own, third, 0x88CC),
            "MPLS": frames.ethernet(own, third, 0x8847),
            "a length": frames.ethernet(own, third, 46),
        }

    assert_only_guarded_stops(guarded, unguarded, attempt)


def test_what_is_a_members_own_passes(guarded):
    own, third = guarded.card(guarded.hostile, 4), guarded.card(guarded.third, 4)
    own6, third6 = guarded.card(guarded.hostile, 6), guarded.card(guarded.third, 6)
    link_local, nowhere = guarded.link_local(guarded.hostile), Card("00:00:00:00:00:00", "0.0.0.0")
    probe, unspecified = replace(own, ip="0.0.0.0"), replace(own, ip="::")
    third_link_local = guarded.link_local(guarded.third)
    pairs = {"IPv4": (own, third), "IPv6": (own6, third6),
             "link-local": (link_local, third_link_local)}
    honest = {f"{kind} over {way}": make(*pair) for kind, make in PACKETS.items()
              for way, pair in pairs.items()}
    honest |= {
        "ARP question": frames.arp(frames.REQUEST, own, replace(nowhere, ip=third.ip)),
        "ARP probe": frames.arp(frames.REQUEST, probe, replace(nowhere, ip=own.ip)),
        "ARP announcement": frames.arp(frames.REQUEST, own, replace(nowhere, ip=own.ip)),
        "ARP answer": frames.arp(frames.REPLY, own, third, to=third),
        "IPv6 question": frames.neighbour_solicitation(own6, third6.ip),
        "duplicate address detection": frames.neighbour_solicitation(unspecified, own6.ip),
        "IPv6 answer": frames.neighbour_advertisement(own6, own6, third6),
        "IPv6 announcement": frames.neighbour_advertisement(link_local, own6),
        "link-local announcement": frames.neighbour_advertisement(link_local, link_local),
        "multicast report": frames.listener_report(unspecified),
        "question for routers": frames.router_solicitation(link_local),
        "DHCP to a server": frames.udp(probe, frames.EVERYBODY, 67, 68),
        "broadcast": frames.udp(own, replace(frames.EVERYBODY, ip="255.255.255.255")),
    }
    assert guarded.come_through(honest, own_udp(guarded)) == set(honest)


def test_a_members_own_addresses_pass_duplicate_address_detection(guarded):
    """Also while a sibling that has the address already says so."""
    hostile, third = guarded.hostile, guarded.third
    own, spare = hostile.address6(), guarded.spare(6)
    hostile.run("ip", "-6", "addr", "del", f"{own}/64", "dev", "eth0")
    hostile.run("ip", "-6", "addr", "add", f"{own}/64", "dev", "eth0")
    hostile.run("ip", "-6", "addr", "add", f"{spare}/64", "dev", "eth0", "nodad")
    third.run("ip", "-6", "addr", "add", f"{spare}/64", "dev", "eth0")
    try:
        for member, address in ((hostile, own), (third, spare)):
            wait_for(lambda m=member, a=address: settled(m, a), 5, f"{address} on {member}")
    finally:
        for member in (hostile, third):
            member.run("ip", "-6", "addr", "del", f"{spare}/64", "dev", "eth0")
    assert reach(third, hostile, own) == EVERYTHING


def settled(member, address):
    """Whether duplicate address detection has ended; it must not have failed."""
    shown = member.run("ip", "-o", "-6", "addr", "show", "to", address).stdout
    assert "dadfailed" not in shown, shown
    return "tentative" not in shown


@pytest.mark.parametrize("family", FAMILIES)
def test_a_second_address_is_of_no_use(guarded, unguarded, stranger, family):
    def attempt(scene, address):
        hostile, third = scene.hostile, scene.third
        length = "32" if family == 4 else "128"
        words = ("addr", "add", f"{address}/{length}", "dev", "eth0")
        hostile.run("ip", *words, *(("nodad",) if family == 6 else ()))
        third.run("ip", f"-{family}", "route", "add", f"{address}/{length}", "dev", "eth0")
        try:
            return reach(third, hostile, address)
        finally:
            hostile.run("ip", "addr", "del", f"{address}/{length}", "dev", "eth0")
            third.run("ip", f"-{family}", "route", "del", f"{address}/{length}", "dev", "eth0")

    strange = stranger.address() if family == 4 else stranger.address6()
    for address in (guarded.spare(family), strange, ELSEWHERE[family]):
        assert attempt(guarded, address) == NOTHING
    assert attempt(unguarded, unguarded.spare(family)) == EVERYTHING, "a real one"
    own = guarded.address(guarded.hostile, family)
    assert reach(guarded.third, guarded.hostile, own) == EVERYTHING


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("by_way_of", ["gateway", "sibling"])
def test_no_route_leads_into_another_network(guarded, stranger, family, by_way_of):
    hostile, sibling = guarded.hostile, guarded.sibling
    target = stranger.address() if family == 4 else stranger.address6()
    forwarding = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}[family]
    ways = {"gateway": guarded.gateway(family).ip, "sibling": guarded.address(sibling, family)}
    sibling.sysctl(forwarding, 1)
    hostile.run("ip", f"-{family}", "route", "add", target, "via", ways[by_way_of])
    try:
        assert_reached({
            (hostile, stranger, target): NOTHING,
            (hostile, guarded.third, guarded.address(guarded.third, family)): EVERYTHING,
        })
    finally:
        hostile.run("ip", f"-{family}", "route", "del", target, "via", ways[by_way_of])
        sibling.sysctl(forwarding, 0)
