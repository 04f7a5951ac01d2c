#include "plugin/status_report.h"

#include "plugin/json_reader.h"
#include "plugin/pool_json.h"

#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

using std::chrono::seconds;

json::value value_of(std::optional<seconds> const& time) {
  return time ? json::value(time->count()) : json::value();
}

std::optional<seconds> read_seconds(JsonReader const& in, std::string_view key) {
  json::value const* const found = in.raw().if_contains(key);
  return found == nullptr || found->is_null() ? std::nullopt
                                              : std::optional(seconds(in.count(key)));
}

json::object object_of(DockerContact const& docker) {
  return {{"socket", docker.socket},
          {"first_answer_s_ago", value_of(docker.first)},
          {"last_answer_s_ago", value_of(docker.last)}};
}

json::object object_of(std::map<std::string, std::uint64_t> const& counts) {
  json::object object;
  for (auto const& [kind, count] : counts) {
    object[kind] = count;
  }
  return object;
}

json::object object_of(LookCounters const& looks) {
  return {{"looks", looks.looks},
          {"last_cpu_us", looks.last_cpu.count()},
          {"repaired", object_of(looks.repaired)},
          {"failed", object_of(looks.failed)}};
}

json::object object_of(ServedPaths const& paths) {
  return {{"plugin_socket", paths.plugin_socket},
          {"control_socket", paths.control_socket},
          {"state_dir", paths.state_dir},
          {"config", paths.config}};
}

json::array pools_in_use(PoolListing const& pools) {
  json::array list;
  for (LeasedSubnet const& leased : pools.leased) {
    list.push_back({{"id", leased.id.value},
                    {"subnet", leased.prefix.to_string()},
                    {"addresses_in_use", leased.addresses}});
  }
  return list;
}

json::array configured_pools(PoolListing const& pools) {
  json::array list;
  for (PoolReport const& report : pools.pools) {
    list.push_back(object_of_pool(report));
  }
  return list;
}

std::map<std::string, std::uint64_t> read_counts(JsonReader const& in) {
  std::map<std::string, std::uint64_t> counts;
  for (std::string const& kind : in.keys()) {
    counts[kind] = in.count(kind);
  }
  return counts;
}

LookCounters read_looks(JsonReader const& in) {
  LookCounters looks;
  looks.looks = in.count("looks");
  looks.last_cpu = std::chrono::microseconds(in.count("last_cpu_us"));
  looks.repaired = read_counts(in.object("repaired"));
  looks.failed = read_counts(in.object("failed"));
  return looks;
}

PoolListing read_pools(JsonReader const& in) {
  PoolListing pools;
  for (JsonReader const& element : in.objects("configured_pools")) {
    pools.pools.push_back(read_pool(element));
  }
  for (JsonReader const& element : in.objects("pools")) {
    LeasedSubnet leased;
    leased.id.value = element.text("id");
    leased.prefix = element.prefix("subnet").value_or(IpPrefix());
    leased.addresses = element.count("addresses_in_use");
    pools.leased.push_back(std::move(leased));
  }
  return pools;
}

}  // namespace

std::string encode_status(StatusReport const& report) {
  json::array troubles;
  for (std::string const& trouble : report.troubles) {
    troubles.emplace_back(trouble);
  }
  return json::serialize(json::object{{"version", report.version},
                                      {"uptime_s", report.uptime.count()},
                                      {"networks", report.networks},
                                      {"endpoints", report.endpoints},
                                      {"published_ports", report.published_ports},
                                      {"pools", pools_in_use(report.pools)},
                                      {"configured_pools", configured_pools(report.pools)},
                                      {"docker", object_of(report.docker)},
                                      {"looks", object_of(report.looks)},
                                      {"paths", object_of(report.paths)},
                                      {"troubles", std::move(troubles)}});
}

Result<StatusReport> decode_status(std::string_view body) {
  JsonDocument document(body);
  JsonReader const in = document.root();
  StatusReport report;
  report.version = in.text("version");
  report.uptime = seconds(in.count("uptime_s"));
  report.networks = in.count("networks");
  report.endpoints = in.count("endpoints");
  report.published_ports = in.count("published_ports");
  report.pools = read_pools(in);
  JsonReader const docker = in.object("docker");
  report.docker = {docker.text("socket"), read_seconds(docker, "first_answer_s_ago"),
                   read_seconds(docker, "last_answer_s_ago")};
  report.looks = read_looks(in.object("looks"));
  JsonReader const paths = in.object("paths");
  report.paths = {paths.text("plugin_socket"), paths.text("control_socket"),
                  paths.text("state_dir"), paths.text("config")};
  report.troubles = in.texts("troubles");
  if (report.version.empty()) {
    in.refuse({Errc::malformed, "no version"});
  }
  if (document.error()) {
    return fail(Errc::malformed, "not a status: " + document.error()->message);
  }
  return report;
}

}  // namespace drawbridge
