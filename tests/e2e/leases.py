"""Subnets and addresses leased over drawbridge's plugin socket, as an engine would, without networks."""

from lab.engine_api import request

LOCAL = "drawbridge-local"  # the address space of networks of one host


class Leases:
    """What one test leased; names are subnets such as 10.249.1.0/24.

    take(subnet="", **ipam options)          -> the subnet that was leased
    release(subnet)                          gives it back with its addresses
    address(subnet, owner=None, preferred="") -> the address that was leased, or the error's text;
                                             owner is a container's name, as engines from 29 on tell
    release_address(subnet, address)         gives it back
    release_all()                            gives everything back, also after the test failed
    status()                                 what drawbridge says on its control socket, a dict
    """

    def __init__(self, lab):
        self._lab = lab
        self._pools = {}
        self._addresses = set()

    def take(self, subnet="", **options):
        body = {"AddressSpace": LOCAL, "Pool": subnet, "Options": options, "V6": ":" in subnet}
        reply = self.ask("RequestPool", body)
        self._pools[reply["Pool"]] = reply["PoolID"]
        return reply["Pool"]

    def release(self, subnet):
        self.ask("ReleasePool", {"PoolID": self._pools[subnet]})
        del self._pools[subnet]

    def address(self, subnet, owner=None, preferred=""):
        options = {"com.docker.network.endpoint.name": owner} if owner else None
        body = {"PoolID": self.pool_id(subnet), "Address": preferred, "Options": options}
        status, reply = request(self._lab.plugin_socket, "POST", "/IpamDriver.RequestAddress", body)
        assert status == 200, reply
        if "Error" in reply:
            return reply["Error"]
        address = reply["Address"].split("/")[0]
        self._addresses.add((subnet, address))
        return address

    def release_address(self, subnet, address):
        self.ask("ReleaseAddress", {"PoolID": self.pool_id(subnet), "Address": address})
        self._addresses.discard((subnet, address))

    def release_all(self):
        for subnet, address in list(self._addresses):
            self.release_address(subnet, address)
        for subnet in list(self._pools):
            self.release(subnet)

    def pool_id(self, subnet):
        """The id of a subnet that was taken here, or by Docker without a range."""
        return self._pools.get(subnet, f"{LOCAL}/{subnet}")

    def status(self):
        return request(self._lab.control_socket, "GET", "/status")[1]

    def subnets(self):
        """Every subnet that is leased, whoever leased it."""
        return {pool["subnet"] for pool in self.status()["pools"]}

    def addresses_in_use(self):
        """Subnet -> how many of its addresses are leased, whoever leased them."""
        return {pool["subnet"]: pool["addresses_in_use"] for pool in self.status()["pools"]}

    def ask(self, call, body):
        """One call of the IPAM protocol; its reply, which is no error."""
        status, reply = request(self._lab.plugin_socket, "POST", f"/IpamDriver.{call}", body)
        assert status == 200 and not reply.get("Error"), f"{call} {body}: {reply}"
        return reply
