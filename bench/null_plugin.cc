// A plugin that only answers: the engine's floor in the benchmark. Networks, connects and container
// starts work with it on a real engine; there is no interface, no rule and no record behind them.
//
//   null_plugin SOCKET [N]   subnets are handed out from 10.N.0.0/24 upwards
#include "model/address.h"
#include "plugin/json_reader.h"
#include "plugin/server.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace drawbridge {
namespace {

/// Replies that do not depend on the request; every other method of both protocols gets {}.
std::map<std::string, std::string, std::less<>> const constants = {
    {"/Plugin.Activate", R"({"Implements":["NetworkDriver","IpamDriver"]})"},
    {"/NetworkDriver.GetCapabilities", R"({"Scope":"local","ConnectivityScope":"local"})"},
    {"/NetworkDriver.CreateEndpoint", R"({"Interface":{}})"},
    {"/NetworkDriver.Join", R"({"DisableGatewayService":true})"},
    {"/NetworkDriver.EndpointOperInfo", R"({"Value":{}})"},
    {"/IpamDriver.GetCapabilities", R"({"RequiresMACAddress":false})"},
    {"/IpamDriver.GetDefaultAddressSpaces",
     R"({"LocalDefaultAddressSpace":"null-local","GlobalDefaultAddressSpace":"null-global"})"},
};

class NullPlugin {
 public:
  explicit NullPlugin(unsigned base) : subnets_(base * 256) {}

  HttpReply answer(HttpRequest const& request) {
    if (auto const found = constants.find(request.path); found != constants.end()) {
      return {200, found->second};
    }
    if (request.path == "/IpamDriver.RequestPool") {
      return {200, request_pool(request.body)};
    }
    if (request.path == "/IpamDriver.RequestAddress") {
      return {200, request_address(request.body)};
    }
    return {};
  }

 private:
  std::string request_pool(std::string_view body) {
    JsonDocument document(body);
    JsonReader const in = document.root();
    std::string const asked = in.text("Pool");
    std::string const pool = asked.empty() ? next_subnet(in.flag("V6")) : asked;
    return fmt::format(R"({{"PoolID":"{0}","Pool":"{0}","Data":{{}}}})", pool);
  }

  /// Ids of pools are the pools themselves.
  std::string request_address(std::string_view body) {
    JsonDocument document(body);
    JsonReader const in = document.root();
    Result<IpPrefix> address = IpPrefix::parse(in.text("PoolID"));
    if (!address) {
      return R"({"Error":"not a pool of this plugin"})";
    }
    std::string const asked = in.text("Address");
    address->address.bits += asked.empty() ? next_host(in.text("PoolID")) : 0;
    std::string const chosen = asked.empty() ? address->address.to_string() : asked;
    return fmt::format(R"({{"Address":"{}/{}","Data":{{}}}})", chosen, address->length);
  }

  std::string next_subnet(bool ipv6) {
    unsigned const number = subnets_++;
    return ipv6 ? fmt::format("fd00:{:x}::/64", number % 65536)
                : fmt::format("10.{}.{}.0/24", number / 256 % 256, number % 256);
  }

  /// The gateway's 1 first, then 2 to 253 over and over: nobody uses them.
  unsigned next_host(std::string const& pool) {
    unsigned const given = hosts_[pool]++;
    return given == 0 ? 1 : 2 + (given - 1) % 252;
  }

  unsigned subnets_;
  std::map<std::string, unsigned> hosts_;  // addresses given, by pool
};

int run(char const* socket, unsigned base) {
  NullPlugin plugin(base);
  Server server;
  Result<void> const listening = server.listen(
      {socket, at_once([&plugin](HttpRequest const& request) { return plugin.answer(request); })});
  if (!listening) {
    fmt::print(stderr, "null_plugin: {}\n", listening.error().message);
    return 1;
  }
  server.run({});
  return 0;
}

}  // namespace
}  // namespace drawbridge

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: null_plugin SOCKET [N]\n");
    return 2;
  }
  unsigned const base = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 0;
  return drawbridge::run(argv[1], base);
}
