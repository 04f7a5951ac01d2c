#include "cli/port_table.h"

#include "cli/table.h"
#include "plugin/port_brief.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>

namespace drawbridge {
namespace {

std::string published_cell(PublishedPort const& port) {
  if (!port.has_host_ports()) {
    return "";
  }
  std::string const text = published_text(port);
  if (port.host) {
    return text;
  }
  PublishedPort every_ipv6 = port;
  every_ipv6.host = IpAddress{Family::ipv6, 0};
  return fmt::format("{},{}", text, published_text(every_ipv6));
}

std::string target_cell(PortListing const& listing) {
  std::optional<IpAddress> const address = target_of(listing.port, listing.ipv4, listing.ipv6);
  return fmt::format("{}:{}/{}", address ? before_port(*address) : "",
                     container_numbers(listing.port), name_of_protocol(listing.port.protocol));
}

TableRow port_row(ListedPort const& port) {
  PortListing const& listing = port.listing;
  return {name_or_id(listing.container, listing.endpoint.brief()),
          name_or_id(port.network_name, listing.network.brief()), published_cell(listing.port),
          target_cell(listing), reach_text(listing)};
}

bool comes_before(ListedPort const& a, ListedPort const& b) {
  PublishedPort const& one = a.listing.port;
  PublishedPort const& other = b.listing.port;
  return std::tie(one.host_ports, one.protocol, one.host) <
         std::tie(other.host_ports, other.protocol, other.host);
}

std::string trouble_lines(std::vector<ListedPort> const& ports) {
  std::string lines;
  for (ListedPort const& port : ports) {
    if (!port.listing.trouble.empty()) {
      lines += fmt::format("{}/{} is not held: {}\n", published_text(port.listing.port),
                           name_of_protocol(port.listing.port.protocol),
                           printable(port.listing.trouble));
    }
  }
  return lines;
}

}  // namespace

std::string port_table(std::vector<ListedPort> ports) {
  std::stable_sort(ports.begin(), ports.end(), comes_before);
  std::vector<TableRow> rows;
  std::transform(ports.begin(), ports.end(), std::back_inserter(rows), port_row);
  return table({"CONTAINER", "NETWORK", "PUBLISHED", "TO", "REACHED BY"}, std::move(rows)) +
         trouble_lines(ports);
}

}  // namespace drawbridge
