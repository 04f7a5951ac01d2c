"""What a member gets of its siblings' traffic, and what gets through a member: nothing.

The controls are the same on networks of Docker's own bridge driver.
"""

from dataclasses import replace

import frames
import pytest
from frames import Card
from lab import wait_for
from probes import EVERYTHING, NOTHING, assert_reached

NOBODYS_MAC = "02:db:99:99:99:99"


@pytest.mark.parametrize("driver", ["drawbridge", "bridge"])
def test_a_member_of_two_networks_is_no_router_between_them(docker, driver):
    make = {"drawbridge": docker.network, "bridge": docker.native_network}[driver]
    first, second = make(), make()
    hostile, friend, router = docker.run(first), docker.run(second), docker.run(first)
    docker("network", "connect", second, router.name)
    router.sysctl("net.ipv4.ip_forward", 1)
    hostile.run("ip", "route", "add", friend.address(), "via", router.address(first))
    friend.run("ip", "route", "add", hostile.address(), "via", router.address(second))
    expected = NOTHING if driver == "drawbridge" else EVERYTHING
    assert_reached({
        (hostile, friend, friend.address()): expected,
        (hostile, router, router.address(first)): EVERYTHING,
        (friend, router, router.address(second)): EVERYTHING,
    })


@pytest.mark.parametrize("driver", ["drawbridge", "bridge"])
def test_a_promiscuous_member_sees_nothing_between_others(docker, driver):
    """Of frames to one who has said nothing yet, and to one who is not there."""
    make = {"drawbridge": docker.network, "bridge": docker.native_network}[driver]
    network = make()
    listener, speaker, silent = (docker.run(network) for _ in range(3))
    listener.run("ip", "link", "set", "eth0", "promisc", "on")
    cards = {place: Card(place.mac(), place.address()) for place in (speaker, silent)}
    for_all = frames.arp(frames.REQUEST, cards[speaker], Card(NOBODYS_MAC, listener.gateway()))
    overheard = {
        "to the silent": frames.udp(cards[speaker], cards[silent]),
        "to nobody": frames.udp(cards[speaker], replace(cards[silent], mac=NOBODYS_MAC)),
    }
    with frames.Ear(listener) as ear, frames.Ear(silent) as silent_ear:
        heard = frames.come_through(speaker, ear, overheard, for_all)
        arrived = frames.come_through(speaker, silent_ear, overheard, for_all)
    assert heard == (set() if driver == "drawbridge" else set(overheard))
    assert "to the silent" in arrived


def test_a_promiscuous_member_sees_nothing_of_others_that_start(docker):
    network = docker.network("--ipv6", "--subnet", "10.92.0.0/24", "--subnet", "fd00:92::/64")
    listener = docker.run(network)
    listener.run("ip", "link", "set", "eth0", "promisc", "on")
    with frames.Ear(listener) as ear:
        talk = "ping -c2 -p a7 10.92.0.12; ping -c2 -p a7 fd00:92::12; echo said; sleep infinity"
        docker.run(network, "--ip", "10.92.0.12", "--ip6", "fd00:92::12")
        speaker = docker.run(network, "--ip", "10.92.0.11", command=["sh", "-c", talk])
        wait_for(lambda: "said" in docker("logs", speaker.name).stdout, 10, "the end of the talk")
        said = docker("logs", speaker.name).stdout
        assert said.count("2 packets received") == 2, said
        own = Card(speaker.mac(), speaker.address())
        last = frames.arp(frames.REQUEST, own, Card(NOBODYS_MAC, "10.92.0.1"))
        frames.send(speaker, [last])
        heard = ear.listen(lambda frame: frames.mark_of(frame) == frames.mark_of(last))
    assert not [frame for frame in heard if b"\xa7" * 8 in frame]
    assert [frame for frame in heard if frame[6:12].hex(":") == speaker.mac()], "broadcasts"
