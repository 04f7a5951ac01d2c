#include "docker/containers.h"

#include "docker/reply_reader.h"
#include "http/target.h"

#include <fmt/core.h>

#include <map>
#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

/// returns  whether it is "/app", not "/other/app" of a link
bool is_own_name(std::string_view name) {
  return name.starts_with('/') && name.find('/', 1) == std::string_view::npos;
}

/// returns  without the slash; empty: it has none
std::string own_name_of(ReplyReader& reader, json::object const& in) {
  std::string own;
  for (json::value const& element : reader.list(in, "Names")) {
    std::string const name = reader.as_text(element, "Names");
    if (own.empty() && is_own_name(name)) {
      own = name.substr(1);
    }
  }
  return own;
}

std::map<std::string, std::string> labels_of(ReplyReader& reader, json::object const& in) {
  std::map<std::string, std::string> labels;
  for (json::key_value_pair const& label : reader.object(in, "Labels")) {
    labels[label.key()] = reader.as_text(label.value(), label.key());
  }
  return labels;
}

std::vector<std::string> environment_of(ReplyReader& reader, json::object const& config) {
  std::vector<std::string> environment;
  for (json::value const& variable : reader.list(config, "Env")) {
    environment.push_back(reader.as_text(variable, "Env"));
  }
  return environment;
}

/// source: moby container/state.go, StateString()
RunState run_state_of(std::string_view state) {
  if (state == "running" || state == "paused") {
    return RunState::running;
  }
  if (state == "restarting") {
    return RunState::restarting;
  }
  return state == "created" ? RunState::created : RunState::stopped;
}

/// The engine lists what it was asked for beside what it gave.
std::vector<IpAddress> chosen_in(ReplyReader& reader, json::object const& network) {
  std::vector<IpAddress> chosen;
  json::object const& asked = reader.object(network, "IPAMConfig");
  for (char const* const key : {"IPv4Address", "IPv6Address"}) {
    if (std::optional<IpAddress> const address = reader.address(asked, key)) {
      chosen.push_back(*address);
    }
  }
  return chosen;
}

/// source: Docker Engine API v1.40, EndpointSettings
std::vector<Attachment> attachments_of(ReplyReader& reader, json::object const& in) {
  json::object const& networks = reader.object(reader.object(in, "NetworkSettings"), "Networks");
  std::vector<Attachment> attachments;
  for (json::key_value_pair const& member : networks) {
    json::object const& each = reader.as_object(member.value(), "Networks");
    Attachment attachment;
    attachment.network.value = reader.text(each, "NetworkID");
    attachment.endpoint.value = reader.text(each, "EndpointID");
    attachment.ipv4 = reader.prefix(each, "IPAddress", "IPPrefixLen");
    attachment.ipv6 = reader.prefix(each, "GlobalIPv6Address", "GlobalIPv6PrefixLen");
    attachment.network_name = member.key();
    attachment.mac = reader.mac(each, "MacAddress");
    attachment.chosen = chosen_in(reader, each);
    attachments.push_back(std::move(attachment));
  }
  return attachments;
}

/// returns  what list and page write alike
Container common_part_of(ReplyReader& reader, json::object const& in) {
  Container container;
  container.id.value = reader.text(in, "Id");
  container.network_mode = reader.text(reader.object(in, "HostConfig"), "NetworkMode");
  container.attachments = attachments_of(reader, in);
  return container;
}

Container listed_container(ReplyReader& reader, json::object const& in) {
  Container container = common_part_of(reader, in);
  container.name = own_name_of(reader, in);
  container.labels = labels_of(reader, in);
  container.state = run_state_of(reader.text(in, "State"));
  return container;
}

Container inspected_container(ReplyReader& reader, json::object const& in) {
  json::object const& config = reader.object(in, "Config");
  Container container = common_part_of(reader, in);
  if (container.id.value.empty()) {
    reader.refuse("a container has no \"Id\"");
  }
  container.name = reader.text(in, "Name");
  container.name.erase(0, container.name.starts_with('/') ? 1 : 0);
  container.labels = labels_of(reader, config);
  container.environment = environment_of(reader, config);
  container.state = run_state_of(reader.text(reader.object(in, "State"), "Status"));
  return container;
}

}  // namespace

std::string path_of_containers() {
  return "/containers/json?all=1";
}

std::string path_of_containers(std::string_view name) {
  json::object const filters{{"name", {fmt::format("^/{}$", name)}}};
  return path_of_containers() + "&filters=" + percent_encoded(json::serialize(filters));
}

std::string path_of_listed_container(std::string_view id) {
  json::object const filters{{"id", {id}}};
  return path_of_containers() + "&filters=" + percent_encoded(json::serialize(filters));
}

std::string path_of_container(std::string_view container) {
  return fmt::format("/containers/{}/json", percent_encoded(container));
}

Result<std::vector<Container>> decode_containers(std::string_view body) {
  Result<json::value> const value = parse_reply(body);
  if (!value) {
    return fail(value.error());
  }
  if (!value->is_array()) {
    return fail(Errc::malformed, "not a list of containers");
  }
  ReplyReader reader;
  std::vector<Container> containers;
  for (json::value const& element : value->as_array()) {
    containers.push_back(listed_container(reader, reader.as_object(element, "containers")));
  }
  return reader.finish(std::move(containers));
}

Result<Container> decode_container(std::string_view body) {
  Result<json::value> const value = parse_reply(body);
  if (!value) {
    return fail(value.error());
  }
  ReplyReader reader;
  Container container = inspected_container(reader, reader.as_object(*value, "container"));
  return reader.finish(std::move(container));
}

}  // namespace drawbridge
