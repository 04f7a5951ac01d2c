#include "plugin/port_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <tuple>

namespace drawbridge {
namespace {

constexpr std::size_t shown_in_brief = 4;
constexpr std::string_view every_ipv4 = "0.0.0.0";
constexpr std::string_view every_ipv6 = "[::]";

constexpr std::size_t columns = 5;
using Row = std::array<std::string, columns>;

/// returns  "80" or, of several ports, "80-90"
std::string numbers_text(unsigned first, unsigned last) {
  return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

std::string container_numbers(PublishedPort const& port) {
  unsigned const first = port.container_port;
  return numbers_text(first, first + port.host_ports.last - port.host_ports.first);
}

/// returns  the address as it stands before ":80"
std::string before_port(IpAddress const& address) {
  return address.family == Family::ipv6 ? fmt::format("[{}]", address.to_string())
                                        : address.to_string();
}

std::string published_text(PublishedPort const& port) {
  return fmt::format("{}:{}", port.host ? before_port(*port.host) : every_ipv4,
                     numbers_text(port.host_ports.first, port.host_ports.last));
}

/// returns  false for a port that is reached as it is, at the container's address
bool has_host_ports(PublishedPort const& port) {
  return port.host_ports.first != 0;
}

std::string brief_text(PublishedPort const& port) {
  if (!has_host_ports(port)) {
    return fmt::format("{}/{}", container_numbers(port), name_of_protocol(port.protocol));
  }
  return fmt::format("{}->{}/{}", published_text(port), container_numbers(port),
                     name_of_protocol(port.protocol));
}

std::string published_cell(PublishedPort const& port) {
  if (!has_host_ports(port)) {
    return "-";
  }
  std::string const text = published_text(port);
  return port.host ? text
                   : fmt::format("{},{}:{}", text, every_ipv6,
                                 numbers_text(port.host_ports.first, port.host_ports.last));
}

std::string target_cell(PortListing const& listing) {
  std::optional<IpAddress> const address = target_of(listing.port, listing.ipv4, listing.ipv6);
  return fmt::format("{}:{}/{}", address ? before_port(*address) : "",
                     container_numbers(listing.port), name_of_protocol(listing.port.protocol));
}

/// returns  the name, or where none is known the beginning of the id, with nothing that a terminal
///          would act on
std::string name_cell(std::string const& name, std::string_view id) {
  std::string text(name.empty() ? id : name);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return text;
}

Row row_of(ListedPort const& port) {
  PortListing const& listing = port.listing;
  return {name_cell(listing.container, listing.endpoint.brief()),
          name_cell(port.network_name, listing.network.brief()), published_cell(listing.port),
          target_cell(listing), reach_text(listing)};
}

bool comes_before(ListedPort const& a, ListedPort const& b) {
  PublishedPort const& one = a.listing.port;
  PublishedPort const& other = b.listing.port;
  return std::tie(one.host_ports, one.protocol, one.host) <
         std::tie(other.host_ports, other.protocol, other.host);
}

std::array<std::size_t, columns> widths_of(std::vector<Row> const& rows) {
  std::array<std::size_t, columns> widths{};
  for (Row const& row : rows) {
    std::transform(
        row.begin(), row.end(), widths.begin(), widths.begin(),
        [](std::string const& cell, std::size_t width) { return std::max(width, cell.size()); });
  }
  return widths;
}

std::string line_of(Row const& row, std::array<std::size_t, columns> const& widths) {
  std::string line;
  for (std::size_t i = 0; i + 1 < columns; ++i) {
    line += fmt::format("{:<{}}   ", row[i], widths[i]);
  }
  return line + row.back() + "\n";
}

std::string trouble_lines(std::vector<ListedPort> const& ports) {
  std::string lines;
  for (ListedPort const& port : ports) {
    if (!port.listing.trouble.empty()) {
      lines += fmt::format("{}/{} is not held: {}\n", published_text(port.listing.port),
                           name_of_protocol(port.listing.port.protocol), port.listing.trouble);
    }
  }
  return lines;
}

}  // namespace

std::optional<IpAddress> target_of(PublishedPort const& port, std::optional<IpAddress> const& ipv4,
                                   std::optional<IpAddress> const& ipv6) {
  bool const prefers_ipv6 = port.host && port.host->family == Family::ipv6;
  std::optional<IpAddress> const& first = prefers_ipv6 ? ipv6 : ipv4;
  return first ? first : (prefers_ipv6 ? ipv4 : ipv6);
}

std::string brief_text(std::vector<PublishedPort> const& ports) {
  std::string text;
  for (std::size_t i = 0; i < std::min(ports.size(), shown_in_brief); ++i) {
    text += (i == 0 ? "" : ",") + brief_text(ports[i]);
  }
  return ports.size() > shown_in_brief
             ? fmt::format("{},...+{}", text, ports.size() - shown_in_brief)
             : text;
}

std::string reach_text(PortListing const& port) {
  switch (port.publish) {
    case Publish::all:
      return "all";
    case Publish::host:
      return "host";
    case Publish::none:
      return "none";
    case Publish::listed:
      break;
  }
  std::string text;
  for (IpPrefix const& prefix : port.publish_list) {
    text += (text.empty() ? "" : ",") + prefix.to_string();
  }
  return text;
}

std::string port_table(std::vector<ListedPort> ports) {
  std::stable_sort(ports.begin(), ports.end(), comes_before);
  std::vector<Row> rows{{"CONTAINER", "NETWORK", "PUBLISHED", "TO", "REACHED BY"}};
  std::transform(ports.begin(), ports.end(), std::back_inserter(rows), row_of);
  std::array<std::size_t, columns> const widths = widths_of(rows);
  std::string table;
  for (Row const& row : rows) {
    table += line_of(row, widths);
  }
  return table + trouble_lines(ports);
}

}  // namespace drawbridge
