"""Containers that are put on networks by what they are, and networks that are there by themselves:
`attach`, `attachments`, `ensure_networks`."""

import pytest
from containers import Docker
from downloads import Download
from lab import wait_for
from probes import EVERYTHING, NOTHING, http_get
from proxies import Proxy, memberships, serve, wait_for_memberships, wait_until_reached
from published import HOST, LOOPBACK

DOMAIN = ("-l", "traefik.http.routers.bucket.rule=Host(`bucket.example.com`)")
PRIMARY = {"bridge": lambda docker: "bridge", "drawbridge": lambda docker: docker.network()}


@pytest.fixture(scope="module")
def platform(lab):
    """The proxy of a platform, on a network that takes whatever has a domain."""
    docker = Docker(lab)
    # Its name comes first of all, so that only gateway=none keeps it from the default route.
    shared = docker.network("-o", "attach=routable", "-o", "gateway=none", "-o", "isolation=members",
                            "-o", "hubs=kalpana-traefik", name="0-traefik-proxy")
    home = docker.native_network()
    proxy = Proxy(docker, home, name="kalpana-traefik")
    docker("network", "connect", shared, proxy.name)
    yield proxy, shared
    docker.clean()


def bucket(docker, primary, *options):
    """Serves its name at 9000 and 9001, published as such."""
    name = docker.name("bucket")
    line = f"echo {name} > /tmp/index.html; httpd -p 9001 -h /tmp; exec httpd -f -p 9000 -h /tmp"
    ports = "-p", "9000:9000", "-p", "9001:9001"
    return docker.run(primary, *ports, *options, name=name, command=("sh", "-c", line))


def assert_ports_answer(lab, container):
    answer = 200, f"{container.name}\n"
    for place, address in ((lab.engine_place, LOOPBACK[4]), (lab.outside_place, HOST[4])):
        for port in (9000, 9001):
            wait_for(lambda p=place, a=address, n=port: http_get(p, a, n) == answer,
                     what=f"{container.name} at {address}:{port}")


@pytest.mark.parametrize("where", PRIMARY)
def test_a_bucket_with_a_domain_is_reached_both_ways(lab, docker, platform, where):
    proxy, shared = platform
    primary = PRIMARY[where](docker)
    plain = bucket(docker, primary)
    route = plain.default_route()
    assert_ports_answer(lab, plain)
    assert memberships(plain) == {primary}
    plain.remove()
    with_domain = bucket(docker, primary, *DOMAIN)
    wait_for_memberships(with_domain, {primary, shared})
    assert with_domain.default_route().partition(" dev ")[0] == route.partition(" dev ")[0]
    assert_ports_answer(lab, with_domain)
    proxy.wait_for_answer(f"{with_domain.name}:9000", with_domain.name)
    docker("restart", "-t", "0", with_domain.name)
    assert_ports_answer(lab, with_domain)
    proxy.wait_for_answer(f"{with_domain.name}:9000", with_domain.name)
    with_domain.remove()
    again = bucket(docker, primary)
    assert_ports_answer(lab, again)
    assert memberships(again) == {primary}


def test_a_download_goes_on_while_networks_come_and_go(lab, docker, configure):
    primary, shared = docker.network(), docker.network("-o", "gateway=none", name="0-shared")
    source = docker.run(primary, "-p", "9100:80")
    route = source.default_route()
    with Download(source, 80, lab.outside_place, HOST[4], 9100) as download:
        configure({"attachments": [{"match": f"name:{source.name}", "network": shared}]})
        wait_for_memberships(source, {primary, shared})
        download.wait_for_more()
        assert source.default_route() == route
        configure({})
        wait_for_memberships(source, {primary})
        download.wait_for_more()
    assert download.is_whole()
    assert source.default_route() == route


def test_tenants_of_a_proxy_stay_apart(docker, platform):
    proxy, shared = platform
    one, other = (docker.run(docker.network(), *DOMAIN) for _ in range(2))
    for each in (one, other):
        wait_for_memberships(each, {shared, *(memberships(each) - {shared})})
    here = proxy.container.address(shared)
    expected = {(one, other, other.address(shared)): NOTHING}
    expected |= {(each, proxy.container, here): EVERYTHING for each in (one, other)}
    expected |= {(proxy.container, each, each.address(shared)): EVERYTHING for each in (one, other)}
    wait_until_reached(expected)


def test_matches_of_every_kind_are_attached_and_nothing_else(docker, configure):
    networks = [docker.network("-o", f"attach={match}") for match in
                ("label:role", "label:role=db", "name:shop-*")]
    home = docker.native_network()
    docker.run(home)
    db = docker.run(home, "-l", "role=db")
    cache = docker.run(home, "-l", "role=cache")
    shop = docker.run(home, name="shop-1")
    plain = docker.run(home)
    wait_for_memberships(db, {home, networks[0], networks[1]})
    wait_for_memberships(cache, {home, networks[0]})
    wait_for_memberships(shop, {home, networks[2]})
    assert memberships(plain) == {home}
    docker("rename", shop.name, "office-1")
    wait_for_memberships(docker.container("office-1"), {home})
    docker("rename", "office-1", "shop-2")
    wait_for_memberships(docker.container("shop-2"), {home, networks[2]})


def test_what_somebody_else_attached_stays(docker, configure):
    network, home = docker.native_network(), docker.native_network()
    rule = {"attachments": [{"match": "label:role", "network": network}]}
    mine = docker.run(home, "-l", "role=x")
    docker("network", "connect", network, mine.name)
    configure(rule)
    control = docker.run(home, "-l", "role=x")
    wait_for_memberships(control, {home, network})
    configure({})
    wait_for_memberships(control, {home})
    assert memberships(mine) == {home, network}


# --- networks that are there by themselves ---


def wait_for_network(docker, name):
    return wait_for(lambda: docker("network", "inspect", "-f", "{{.Id}}", name, check=False).stdout
                    .strip(), what=f"network {name}")


def ensures(name, **keys):
    return {"ensure_networks": [{"name": name, **keys}]}


def test_a_network_is_there_by_itself_and_services_find_each_other(lab, docker, binary, configure):
    name = docker.name("damp-network")
    config = ensures(name, options={"isolation": "network"}, ipam_options={"pool": "pods"})
    configure(config)
    network = wait_for_network(docker, name)
    assert docker.inspect_network(name)["IPAM"]["Options"] == {"pool": "pods"}
    mysql = serve(docker, name, "-p", "127.0.0.1:3306:80", name=docker.name("damp-mysql"))
    site = serve(docker, name, "-p", "127.0.0.1:8000:80", name=docker.name("site"))
    for one, other in ((site, mysql), (mysql, site)):
        ask = ("wget", "-q", "-O-", f"http://{other.name}/")
        wait_for(lambda o=one, a=ask: o.exec(*a, check=False).stdout, what=f"an answer of {other}")
        assert one.exec(*ask).stdout == f"{other.name}\n"
    for container, port in ((mysql, 3306), (site, 8000)):
        assert http_get(lab.engine_place, LOOPBACK[4], port) == (200, f"{container.name}\n")
        assert http_get(lab.outside_place, HOST[4], port) is None
    lab.stop_drawbridge()
    lab.start_drawbridge(binary)
    control = docker.name("control")
    configure({"ensure_networks": [*config["ensure_networks"], {"name": control}]})
    wait_for_network(docker, control)
    listed = docker("network", "ls", "-q", "--no-trunc", "--filter", f"name={name}").stdout.split()
    assert listed == [network], "a second start makes nothing"
    for each in (mysql, site):
        each.remove()
    docker("network", "rm", name)
    assert wait_for_network(docker, name) != network
    assert docker.inspect_network(name)["IPAM"]["Options"] == {"pool": "pods"}


def test_a_network_with_other_settings_is_reported_and_left_alone(docker, configure, news):
    name = docker.native_network("--subnet", "10.99.0.0/24")
    network, control = wait_for_network(docker, name), docker.name("control")
    configure({"ensure_networks": [{"name": name}, {"name": control, "driver": "bridge"}]})
    complaint = f"network {name} has other settings than ensure_networks says"
    wait_for(lambda: complaint in news(), what="the complaint")
    wait_for_network(docker, control)
    assert wait_for_network(docker, name) == network
    assert news().count(complaint) == 1
    assert docker.inspect_network(control)["Driver"] == "bridge"


# --- projects that share a network ---


def test_projects_on_one_network_stay_apart_where_both_call_a_service_app(docker):
    proxy_name = docker.name("hub")
    network = docker.dual_network(isolation="project", hubs=proxy_name)
    proxy = Proxy(docker, network, name=proxy_name)

    def of(project, *options):
        return docker.run(network, "-l", f"com.docker.compose.project={project}", *options)

    apps = {project: of(project, "--network-alias", "app") for project in ("red", "blue")}
    clients = {project: of(project) for project in apps}
    expected = {}
    for project, client in clients.items():
        expected[client, proxy.container, proxy.container.address()] = EVERYTHING
        expected[proxy.container, apps[project], apps[project].address()] = EVERYTHING
        for other, app in apps.items():
            expected[client, app, app.address()] = EVERYTHING if other == project else NOTHING
    wait_until_reached(expected)
    addresses = {app.address() for app in apps.values()}
    assert {client.resolve("app") for client in clients.values()} <= addresses
