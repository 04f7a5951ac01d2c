#include "cli/status_text.h"

#include "cli/table.h"
#include "ipam/pool_config.h"

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string_view>
#include <utility>

namespace drawbridge {
namespace {

std::string line(std::string_view key, std::string const& value) {
  return fmt::format("{}: {}\n", key, printable(value));
}

std::string pool_line(PoolReport const& pool) {
  std::vector<std::string> prefixes;
  for (IpPrefix const& prefix : pool.prefixes) {
    prefixes.push_back(prefix.to_string());
  }
  return line(fmt::format("pool {}", pool.name),
              fmt::format("{} {}, {} of {} /{} subnets leased, {}", name_of(pool.family),
                          joined(prefixes), pool.leased, pool.total, pool.length,
                          pool.next ? "next is " + pool.next->to_string() : "none free"));
}

std::string docker_text(DockerContact const& docker) {
  if (docker.socket.empty()) {
    return "not asked: docker_socket is not set";
  }
  if (!docker.first || !docker.last) {
    return docker.socket + " has not answered yet";
  }
  return fmt::format("{} answered first {} ago, last {} ago", docker.socket,
                     duration_text(*docker.first), duration_text(*docker.last));
}

/// returns  "bridge 1, rules 2"
std::string counts_text(std::map<std::string, std::uint64_t> const& counts) {
  std::vector<std::string> texts;
  for (auto const& [kind, count] : counts) {
    texts.push_back(fmt::format("{} {}", kind, count));
  }
  return texts.empty() ? "nothing" : fmt::format("{}", fmt::join(texts, ", "));
}

std::string look_lines(LookCounters const& looks) {
  double const milliseconds = static_cast<double>(looks.last_cpu.count()) / 1000;
  std::string const lines =
      line("looks", looks.looks == 0 ? "none yet"
                                     : fmt::format("{}, the last took {:.1f} ms of CPU",
                                                   looks.looks, milliseconds)) +
      line("repaired", counts_text(looks.repaired));
  return looks.failed.empty() ? lines : lines + line("not repaired", counts_text(looks.failed));
}

std::string path_lines(ServedPaths const& paths) {
  return line("plugin socket", paths.plugin_socket) + line("control socket", paths.control_socket) +
         line("state", (std::filesystem::path(paths.state_dir) / "state.db").string()) +
         line("configuration", paths.config);
}

std::string trouble_lines(std::vector<std::string> const& troubles) {
  std::string lines = troubles.empty() ? line("troubles", "none") : "";
  for (std::string const& trouble : troubles) {
    lines += line("trouble", trouble);
  }
  return lines;
}

}  // namespace

std::string status_text(StatusReport const& report) {
  std::string text = line("version", report.version);
  text += line("uptime", duration_text(report.uptime));
  text += line("networks", fmt::format("{}", report.networks));
  text += line("endpoints", fmt::format("{}", report.endpoints));
  text += line("published ports", fmt::format("{}", report.published_ports));
  for (PoolReport const& pool : report.pools.pools) {
    text += pool_line(pool);
  }
  text += line("docker", docker_text(report.docker));
  return text + look_lines(report.looks) + path_lines(report.paths) +
         trouble_lines(report.troubles);
}

std::string duration_text(std::chrono::seconds duration) {
  constexpr std::pair<std::int64_t, char const*> units[] = {
      {86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
  std::int64_t left = duration.count();
  std::vector<std::string> parts;
  for (auto const& [length, name] : units) {
    if (parts.size() < 2 && (left >= length || !parts.empty())) {
      parts.push_back(fmt::format("{} {}", left / length, name));
    }
    left %= length;
  }
  return parts.empty() ? "0 s" : fmt::format("{}", fmt::join(parts, " "));
}

}  // namespace drawbridge
