#include "docker/containers.h"

#include "docker/reply_reader.h"

#include <fmt/core.h>

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

DockerContainer container_of(ReplyReader& reader, json::object const& in) {
  DockerContainer container;
  container.names = names_of(reader, in);
  for (json::key_value_pair const& label : reader.object(in, "Labels")) {
    container.labels[label.key()] = reader.as_text(label.value(), label.key());
  }
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
