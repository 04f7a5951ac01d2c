#include "plugin/config_attach.h"

#include "driver/attach_options.h"
#include "driver/network_options.h"
#include "plugin/config_keys.h"

#include <utility>

namespace drawbridge {
namespace {

constexpr std::array<std::string_view, 4> known_proxy_keys = {"container", "mode", "drivers",
                                                              "routable"};
constexpr std::array<std::string_view, 2> known_attachment_keys = {"match", "network"};
constexpr std::array<std::string_view, 8> known_network_keys = {
    "name",         "driver",  "options",  "ipam_driver",
    "ipam_options", "subnets", "internal", "enable_ipv6"};
// Which networks a proxy follows when it does not say.
constexpr char const* routed_driver = "drawbridge";
constexpr char const* joined_driver = "bridge";

/// returns  the text, which has to be there
std::string required(JsonReader const& in, std::string_view list, std::string_view key) {
  std::string text = in.text(key);
  if (text.empty()) {
    in.refuse({Errc::invalid_argument, fmt::format("\"{}\": an entry without \"{}\"", list, key)});
  }
  return text;
}

/// Says which value it is that cannot be.
template <class T>
void take(JsonReader const& in, std::string_view key, Result<T> value, T& target) {
  if (value) {
    target = *std::move(value);
  } else {
    in.refuse(value.error().within(fmt::format("\"{}\"", key)));
  }
}

std::vector<std::string> drivers_of(JsonReader const& in, ProxyMode mode) {
  std::vector<std::string> drivers = in.texts("drivers");
  if (!has(in, "drivers")) {
    drivers = {mode == ProxyMode::route ? routed_driver : joined_driver};
  }
  for (std::string const& driver : drivers) {
    if (driver != routed_driver && driver != joined_driver) {
      in.refuse({Errc::invalid_argument,
                 fmt::format("\"drivers\": {} is unknown: use drawbridge or bridge", driver)});
    }
  }
  return drivers;
}

ProxyRule read_proxy(JsonReader const& in) {
  refuse_unknown_keys(in, known_proxy_keys);
  ProxyRule rule;
  rule.container = required(in, "proxies", "container");
  if (has(in, "mode")) {
    take(in, "mode", parse_proxy_mode(in.text("mode")), rule.mode);
  }
  rule.drivers = drivers_of(in, rule.mode);
  if (has(in, "routable")) {
    rule.routable.clear();
    for (std::string const& text : in.texts("routable")) {
      take(in, "routable", parse_match(text), rule.routable.emplace_back());
    }
  }
  return rule;
}

AttachRule read_attachment(JsonReader const& in) {
  refuse_unknown_keys(in, known_attachment_keys);
  AttachRule rule;
  take(in, "match", parse_match(required(in, "attachments", "match")), rule.match);
  rule.network = required(in, "attachments", "network");
  return rule;
}

std::vector<IpPrefix> read_subnets(JsonReader const& in) {
  std::vector<IpPrefix> subnets;
  for (std::string const& text : in.texts("subnets")) {
    take(in, "subnets", IpPrefix::parse(text), subnets.emplace_back());
  }
  return subnets;
}

/// Options of a network of ours are checked now, not when it is made.
void check_options(JsonReader const& in, NetworkSettings const& settings) {
  if (settings.driver != routed_driver) {
    return;
  }
  NetworkRequest request;
  request.internal = settings.internal;
  request.options = settings.options;
  if (Result<NetworkSpec> const spec = parse_network_options(request, {}); !spec) {
    in.refuse(spec.error().within("\"ensure_networks\""));
  }
}

EnsuredNetwork read_network(JsonReader const& in) {
  refuse_unknown_keys(in, known_network_keys);
  EnsuredNetwork network;
  network.name = required(in, "ensure_networks", "name");
  NetworkSettings& settings = network.settings;
  if (has(in, "driver")) {
    settings.driver = in.text("driver");
    settings.ipam_driver = settings.driver == routed_driver ? routed_driver : "default";
  }
  if (has(in, "ipam_driver")) {
    settings.ipam_driver = in.text("ipam_driver");
  }
  settings.options = in.text_map("options");
  settings.ipam_options = in.text_map("ipam_options");
  settings.subnets = read_subnets(in);
  settings.internal = in.flag("internal");
  settings.enable_ipv6 = in.flag("enable_ipv6");
  check_options(in, settings);
  return network;
}

}  // namespace

void read_attach_wishes(JsonReader const& in, AttachWishes& wishes) {
  for (JsonReader const& proxy : in.objects("proxies")) {
    wishes.proxies.push_back(read_proxy(proxy));
  }
  for (JsonReader const& attachment : in.objects("attachments")) {
    wishes.attachments.push_back(read_attachment(attachment));
  }
  for (JsonReader const& network : in.objects("ensure_networks")) {
    wishes.networks.push_back(read_network(network));
  }
}

}  // namespace drawbridge
