"""Subnets leased over drawbridge's plugin socket, as an engine would, without networks."""

from lab.engine_api import request

LOCAL = "drawbridge-local"  # the address space of networks of one host


class Leases:
    """The subnets that one test leased; names are subnets such as 10.249.1.0/24.

    take(subnet="", **ipam options) -> the subnet that was leased
    release(subnet)                 gives it back
    release_all()                   gives everything back, also after the test failed
    status()                        what drawbridge says on its control socket, a dict
    """

    def __init__(self, lab):
        self._lab = lab
        self._pools = {}

    def take(self, subnet="", **options):
        body = {"AddressSpace": LOCAL, "Pool": subnet, "Options": options, "V6": ":" in subnet}
        reply = self._ask("RequestPool", body)
        self._pools[reply["Pool"]] = reply["PoolID"]
        return reply["Pool"]

    def release(self, subnet):
        self._ask("ReleasePool", {"PoolID": self._pools[subnet]})
        del self._pools[subnet]

    def release_all(self):
        for subnet in list(self._pools):
            self.release(subnet)

    def status(self):
        return request(self._lab.control_socket, "GET", "/status")[1]

    def subnets(self):
        """Every subnet that is leased, whoever leased it."""
        return {pool["subnet"] for pool in self.status()["pools"]}

    def _ask(self, call, body):
        status, reply = request(self._lab.plugin_socket, "POST", f"/IpamDriver.{call}", body)
        assert status == 200 and not reply.get("Error"), f"{call} {body}: {reply}"
        return reply
