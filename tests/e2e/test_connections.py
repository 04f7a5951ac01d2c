"""Options of a connection: `docker network connect --driver-opt`."""

import pytest
from published import HOST, listing, numbers, seen

NO_GATEWAY = ("--driver-opt", "drawbridge.gateway=none")


def connect(docker, network, container, *options, check=True):
    return docker("network", "connect", *options, network, container.name, check=check)


def way_out(container):
    """The default route without the interface, which a restart may count anew."""
    return container.default_route().split(" dev ")[0]


def test_a_connection_without_gateway_moves_neither_route_nor_ports(lab, docker, binary):
    """Whatever the network is called: the engine goes by the first name."""
    main = docker.network(name=docker.name("m"))
    web = docker.run(main, "-p", "8080:80")
    before = way_out(web), listing(lab, binary, web.name)
    assert before[0] == f"default via {web.gateway(main)}"
    aside = docker.network(name=docker.name("a"))
    with numbers(web, [80]):
        assert seen(lab.outside_place, "tcp", HOST[4], 8080) == "80"
        connect(docker, aside, web, *NO_GATEWAY)
        assert web.gateway(aside) == ""
        assert (way_out(web), listing(lab, binary, web.name)) == before
        assert seen(lab.outside_place, "tcp", HOST[4], 8080) == "80"
    neighbour = docker.run(aside)
    assert neighbour.resolve(web.name) == web.address(aside), "a member all the same"

    control = docker.network(name=docker.name("b"))
    connect(docker, control, web)
    assert way_out(web) == f"default via {web.gateway(control)}", "without the option it moves"


def test_it_holds_over_restarts(lab, docker, binary):
    main = docker.network(name=docker.name("m"))
    web = docker.run(main, "-p", "8080:80")
    aside = docker.network(name=docker.name("a"))
    connect(docker, aside, web, *NO_GATEWAY)
    expected = f"default via {web.gateway(main)}"
    docker("restart", "-t", "0", web.name)
    assert way_out(web) == expected
    lab.stop_drawbridge()
    lab.start_drawbridge(binary)
    assert way_out(web) == expected
    docker("restart", "-t", "0", web.name)
    assert (way_out(web), web.gateway(aside)) == (expected, "")
    published = listing(lab, binary, web.name)
    assert [each["container_addresses"] for each in published] == [[web.address(main)]]


def test_the_only_network_of_a_container_may_be_no_way_out(docker):
    """The engine must not give it another one."""
    network = docker.network()
    lone = docker.container(docker.name())
    docker("create", "--name", lone.name, "--network", "none", "bb:latest", "sleep", "infinity")
    docker("network", "disconnect", "none", lone.name)
    connect(docker, network, lone, *NO_GATEWAY)
    docker("start", lone.name)
    assert lone.interfaces() == ["eth0"]
    assert lone.default_route() == ""


@pytest.mark.parametrize(("option", "words"), [
    ("drawbridge.gateway=auto", 'option "drawbridge.gateway": "auto" is unknown: use none'),
    ("drawbridge.gatewai=none", 'unknown option "drawbridge.gatewai"'),
])
def test_bad_options_are_refused_and_leave_nothing(docker, option, words):
    web = docker.run(docker.network())
    aside = docker.network()
    refused = connect(docker, aside, web, "--driver-opt", option, check=False)
    assert refused.returncode != 0
    assert words in refused.stderr
    assert web.interfaces() == ["eth0"]
    other = docker.run(docker.network())
    connect(docker, aside, other, "--driver-opt", "com.example.gateway=auto")
    assert other.interfaces() == ["eth0", "eth1"], "what is not ours is not judged"
