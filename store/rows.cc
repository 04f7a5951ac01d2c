#include "store/rows.h"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <sstream>
#include <utility>

namespace drawbridge {
namespace {

/// What the file holds was checked when it was written: text that does not parse means damage.
template <class T>
Result<T> parse_column(Row const& row, int column) {
  Result<T> parsed = T::parse(row.text(column));
  return parsed ? parsed : fail(Errc::store, "damaged row: " + parsed.error().message);
}

template <class T>
Result<std::optional<T>> parse_or_null(Row const& row, int column) {
  if (!row.text_or_null(column)) {
    return std::optional<T>{};
  }
  Result<T> const parsed = parse_column<T>(row, column);
  return parsed ? Result<std::optional<T>>(*parsed) : fail(parsed.error());
}

template <class Number>
Result<Number> read_number(Row const& row, int column) {
  std::int64_t const number = row.number(column);
  if (number < 0 || number > std::numeric_limits<Number>::max()) {
    return fail(Errc::store,
                fmt::format("damaged row: {} of {} is out of range", number, row.text(0)));
  }
  return static_cast<Number>(number);
}

/// The numbers of a published port, without its host.
Result<PublishedPort> read_port_numbers(Row const& row) {
  Result<std::uint8_t> const protocol = read_number<std::uint8_t>(row, 1);
  if (!protocol) {
    return fail(protocol.error());
  }
  std::uint16_t ports[3];
  for (int i = 0; i < 3; ++i) {
    Result<std::uint16_t> const port = read_number<std::uint16_t>(row, 3 + i);
    if (!port) {
      return fail(port.error());
    }
    ports[i] = *port;
  }
  return PublishedPort{*protocol, {}, {ports[0], ports[1]}, ports[2]};
}

std::optional<MemberMarks> read_marks(Row const& row) {
  std::optional<std::string> container = row.text_or_null(6);
  return container
             ? std::optional(MemberMarks{std::move(*container), row.text(7), row.number(8) != 0})
             : std::nullopt;
}

}  // namespace

std::string_view text_of(AddressKind kind) {
  return kind == AddressKind::gateway ? "gateway" : "endpoint";
}

std::string text_of(std::vector<IpPrefix> const& subnets) {
  std::string text;
  for (IpPrefix const& subnet : subnets) {
    text += (text.empty() ? "" : " ") + subnet.to_string();
  }
  return text;
}

Result<IpPrefix> read_prefix(Row const& row) {
  return parse_column<IpPrefix>(row, 0);
}

Result<Pool> read_pool(Row const& row) {
  Result<IpPrefix> const prefix = parse_column<IpPrefix>(row, 2);
  if (!prefix) {
    return fail(prefix.error());
  }
  Result<std::optional<IpPrefix>> const sub_pool = parse_or_null<IpPrefix>(row, 3);
  if (!sub_pool) {
    return fail(sub_pool.error());
  }
  return Pool{{row.text(0)}, row.text(1), *prefix, *sub_pool};
}

Result<Lease> read_lease(Row const& row) {
  Result<IpAddress> const address = parse_column<IpAddress>(row, 1);
  if (!address) {
    return fail(address.error());
  }
  Lease lease;
  lease.pool.value = row.text(0);
  lease.address = *address;
  bool const is_gateway = row.text(2) == text_of(AddressKind::gateway);
  lease.kind = is_gateway ? AddressKind::gateway : AddressKind::endpoint;
  lease.owner = row.text(3);
  lease.reserved = row.number(4) != 0;
  if (row.text_or_null(5)) {
    lease.released_at = WallTime(std::chrono::milliseconds(row.number(5)));
  }
  return lease;
}

Result<NetworkRequest> read_network(Row const& row) {
  NetworkRequest network;
  network.id.value = row.text(0);
  network.internal = row.number(1) != 0;
  network.default_mtu_bytes = static_cast<std::uint32_t>(row.number(2));
  return network;
}

Result<Subnet> read_subnet(Row const& row) {
  Result<IpPrefix> const prefix = parse_column<IpPrefix>(row, 1);
  if (!prefix) {
    return fail(prefix.error());
  }
  Result<std::optional<IpAddress>> const gateway = parse_or_null<IpAddress>(row, 2);
  if (!gateway) {
    return fail(gateway.error());
  }
  return Subnet{*prefix, *gateway};
}

Result<Endpoint> read_endpoint(Row const& row) {
  Result<std::optional<IpPrefix>> const ipv4 = parse_or_null<IpPrefix>(row, 2);
  if (!ipv4) {
    return fail(ipv4.error());
  }
  Result<std::optional<IpPrefix>> const ipv6 = parse_or_null<IpPrefix>(row, 3);
  if (!ipv6) {
    return fail(ipv6.error());
  }
  Result<MacAddress> const mac = parse_column<MacAddress>(row, 4);
  if (!mac) {
    return fail(mac.error());
  }
  Endpoint endpoint{{row.text(0)}, {row.text(1)}, *ipv4, *ipv6, *mac, row.number(5) != 0};
  endpoint.marks = read_marks(row);
  endpoint.is_default_route = row.number(9) != 0;
  return endpoint;
}

Result<KnownNetwork> read_known_network(Row const& row) {
  KnownNetwork network{{row.text(0)}, row.text(1), row.text(2), {}};
  std::istringstream subnets(row.text(3));
  for (std::string text; subnets >> text;) {
    Result<IpPrefix> const subnet = IpPrefix::parse(text);
    if (!subnet) {
      return fail(Errc::store, "damaged row: " + subnet.error().message);
    }
    network.subnets.push_back(*subnet);
  }
  return network;
}

Result<PublishedPort> read_published_port(Row const& row) {
  Result<std::optional<IpAddress>> const host = parse_or_null<IpAddress>(row, 2);
  if (!host) {
    return fail(host.error());
  }
  Result<PublishedPort> port = read_port_numbers(row);
  if (!port) {
    return port;
  }
  PortRange const range = port->host_ports;
  int const last_container_port = port->container_port + range.last - range.first;
  if (range.first > range.last || last_container_port > 65535) {
    return fail(Errc::store, fmt::format("damaged row: ports {}-{} of {} are no range", range.first,
                                         range.last, row.text(0)));
  }
  port->host = *host;
  return port;
}

Result<PortLease> read_port_lease(Row const& row) {
  Result<std::uint16_t> const host_port = read_number<std::uint16_t>(row, 2);
  if (!host_port) {
    return fail(host_port.error());
  }
  return PortLease{{row.text(0)}, row.text(1), *host_port};
}

Result<ProxyRoute> read_proxy_route(Row const& row) {
  Result<IpAddress> const source = parse_column<IpAddress>(row, 3);
  return source ? Result<ProxyRoute>({{row.text(0)}, {row.text(1)}, row.text(2), *source})
                : fail(source.error());
}

Result<Membership> read_membership(Row const& row) {
  return Membership{{row.text(0)}, {row.text(1)}};
}

}  // namespace drawbridge
