#include "docker/containers.h"

#include "docker/reply_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

/// source: RFC 3986 section 2
bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (char const c : text) {
    encoded += is_unreserved(c) ? std::string(1, c)
                                : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::vector<std::string> names_of(ReplyReader& reader, json::object const& in) {
  std::vector<std::string> names;
  for (json::value const& name : reader.list(in, "Names")) {
    names.push_back(reader.as_text(name, "Names"));
  }
  return names;
}

/// source: moby container/state.go, StateString()
bool is_running(std::string_view state) {
  return state == "running" || state == "paused";
}

/// A network that the container is to have without being on it now has no endpoint.
std::vector<DockerAttachment> attachments_of(ReplyReader& reader, json::object const& in) {
  json::object const& networks = reader.object(reader.object(in, "NetworkSettings"), "Networks");
  std::vector<DockerAttachment> attachments;
  for (json::key_value_pair const& member : networks) {
    json::object const& each = reader.as_object(member.value(), "Networks");
    DockerAttachment attachment;
    attachment.network.value = reader.text(each, "NetworkID");
    attachment.endpoint.id.value = reader.text(each, "EndpointID");
    attachment.endpoint.ipv4 = reader.prefix(each, "IPAddress", "IPPrefixLen");
    attachment.endpoint.ipv6 = reader.prefix(each, "GlobalIPv6Address", "GlobalIPv6PrefixLen");
    attachment.endpoint.mac = reader.mac(each, "MacAddress");
    if (!attachment.endpoint.id.value.empty()) {
      attachments.push_back(std::move(attachment));
    }
  }
  return attachments;
}

/// The engine lists what it was asked for, and the id of a network that it has joined.
std::vector<ChosenAddress> chosen_of(ReplyReader& reader, json::object const& in) {
  std::vector<ChosenAddress> chosen;
  json::object const& networks = reader.object(reader.object(in, "NetworkSettings"), "Networks");
  for (json::key_value_pair const& member : networks) {
    json::object const& network = reader.as_object(member.value(), "Networks");
    json::object const& asked = reader.object(network, "IPAMConfig");
    for (char const* const key : {"IPv4Address", "IPv6Address"}) {
      if (std::optional<IpAddress> const address = reader.address(asked, key)) {
        chosen.push_back({{reader.text(network, "NetworkID")}, *address});
      }
    }
  }
  return chosen;
}

DockerContainer container_of(ReplyReader& reader, json::object const& in) {
  DockerContainer container;
  container.names = names_of(reader, in);
  for (json::key_value_pair const& label : reader.object(in, "Labels")) {
    container.labels[label.key()] = reader.as_text(label.value(), label.key());
  }
  container.is_running = is_running(reader.text(in, "State"));
  container.attachments = attachments_of(reader, in);
  container.chosen = chosen_of(reader, in);
  return container;
}

/// returns  whether it is "/app", not "/other/app" of a link
bool is_own_name(std::string_view name) {
  return name.starts_with('/') && name.find('/', 1) == std::string_view::npos;
}

}  // namespace

std::string own_name(DockerContainer const& container) {
  auto const own = std::find_if(container.names.begin(), container.names.end(), is_own_name);
  return own == container.names.end() ? "" : own->substr(1);
}

std::string path_of_containers() {
  return "/containers/json?all=1";
}

std::string path_of_containers(std::string_view name) {
  json::object const filters{{"name", {fmt::format("^/{}$", name)}}};
  return path_of_containers() + "&filters=" + percent_encoded(json::serialize(filters));
}

Result<std::vector<DockerContainer>> decode_containers(std::string_view body) {
  Result<json::value> const value = parse_reply(body);
  if (!value) {
    return fail(value.error());
  }
  if (!value->is_array()) {
    return fail(Errc::malformed, "not a list of containers");
  }
  ReplyReader reader;
  std::vector<DockerContainer> containers;
  for (json::value const& element : value->as_array()) {
    containers.push_back(container_of(reader, reader.as_object(element, "containers")));
  }
  return reader.finish(std::move(containers));
}

}  // namespace drawbridge
