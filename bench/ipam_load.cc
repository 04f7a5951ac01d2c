// Asks an IPAM plugin for addresses or pools as fast as it answers, and says how fast that was.
//
//   ipam_load SOCKET CONNECTIONS SECONDS address POOLID|pool OPTION=VALUE…
//
// Each connection has one request under way. What was leased is given back afterwards, unmeasured.
// Prints one JSON object: requests, per_second, p50_us, p99_us, max_us.
#include "base/file_descriptor.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace drawbridge {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(std::string const& why) {
  fmt::print(stderr, "ipam_load: {}\n", why);
  std::exit(1);
}

std::string request_text(std::string_view method, json::object const& body) {
  std::string const text = json::serialize(body) + "\n";
  return fmt::format(
      "POST /IpamDriver.{} HTTP/1.1\r\nHost: plugin.moby.localhost\r\nUser-Agent: "
      "Go-http-client/1.1\r\nContent-Length: {}\r\nAccept: "
      "application/vnd.docker.plugins.v1.2+json\r\n\r\n{}",
      method, text.size(), text);
}

class Connection {
 public:
  explicit Connection(char const* path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      give_up(fmt::format("{}: {}", path, std::strerror(errno)));
    }
  }

  int descriptor() const { return socket_.get(); }

  void send(std::string_view text) {
    begun_ = Clock::now();
    while (!text.empty()) {
      ssize_t const sent = ::send(descriptor(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        give_up("the plugin closed the connection");
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  /// Reads what is there; true when the reply is whole.
  bool receive() {
    std::array<char, 4096> part;
    ssize_t const size = ::recv(descriptor(), part.data(), part.size(), 0);
    if (size <= 0) {
      give_up("the plugin closed the connection");
    }
    incoming_.append(part.data(), static_cast<std::size_t>(size));
    return incoming_.size() >= whole_size();
  }

  /// returns  the body of the reply that receive() completed
  std::string take_body() {
    std::size_t const head = incoming_.find("\r\n\r\n") + 4;
    std::string body = incoming_.substr(head, whole_size() - head);
    incoming_.clear();
    return body;
  }

  double microseconds() const {
    return std::chrono::duration<double, std::micro>(Clock::now() - begun_).count();
  }

 private:
  std::size_t whole_size() const {
    std::size_t const head = incoming_.find("\r\n\r\n");
    std::size_t const length = incoming_.find("Content-Length: ");
    if (head == std::string::npos || length == std::string::npos) {
      return std::string::npos;
    }
    return head + 4 + std::strtoul(incoming_.c_str() + length + 16, nullptr, 10);
  }

  FileDescriptor socket_;
  std::string incoming_;
  Clock::time_point begun_;
};

struct Load {
  std::string request;
  std::string release_method;
  std::string key;   // of the reply: what was leased
  std::string pool;  // of the addresses
};

Load address_load(std::string const& pool) {
  json::object body;
  body["PoolID"] = pool;
  body["Address"] = "";
  body["Options"] = nullptr;
  return {request_text("RequestAddress", body), "ReleaseAddress", "Address", pool};
}

Load pool_load(std::vector<std::string> const& options) {
  json::object body;
  body["AddressSpace"] = "drawbridge-local";
  body["Pool"] = "";
  body["SubPool"] = "";
  json::object words;
  for (std::string const& option : options) {
    std::size_t const equals = option.find('=');
    words[option.substr(0, equals)] = option.substr(equals + 1);
  }
  body["Options"] = words;
  body["V6"] = false;
  return {request_text("RequestPool", body), "ReleasePool", "PoolID", ""};
}

std::string release_text(Load const& load, std::string const& leased) {
  json::object body;
  body["PoolID"] = load.pool.empty() ? leased : load.pool;
  if (!load.pool.empty()) {
    body["Address"] = leased.substr(0, leased.find('/'));
  }
  return request_text(load.release_method, body);
}

std::string leased_in(std::string const& reply, std::string const& key) {
  json::value const parsed = json::parse(reply);
  json::object const& body = parsed.as_object();
  if (body.contains("Error") || !body.contains(key)) {
    give_up(reply);
  }
  return std::string(body.at(key).as_string());
}

/// Sends `next` on every connection again and again; `done` takes each reply and its microseconds.
template <class Next, class Done>
void drive(std::vector<Connection>& connections, Next next, Done done) {
  std::vector<pollfd> waiting;
  for (Connection& connection : connections) {
    std::string const text = next();
    if (!text.empty()) {
      connection.send(text);
      waiting.push_back({connection.descriptor(), POLLIN, 0});
    }
  }
  while (!waiting.empty()) {
    ::poll(waiting.data(), waiting.size(), -1);
    for (pollfd& entry : waiting) {
      auto const connection =
          std::find_if(connections.begin(), connections.end(),
                       [&](Connection const& each) { return each.descriptor() == entry.fd; });
      if (entry.revents == 0 || !connection->receive()) {
        continue;
      }
      double const spent = connection->microseconds();
      done(connection->take_body(), spent);
      std::string const text = next();
      if (text.empty()) {
        entry.fd = -1;
      } else {
        connection->send(text);
      }
    }
    std::erase_if(waiting, [](pollfd const& entry) { return entry.fd == -1; });
  }
}

double quantile(std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

int run(char const* socket, int count, double seconds, Load const& load) {
  std::vector<Connection> connections;
  for (int i = 0; i < count; ++i) {
    connections.emplace_back(socket);
  }
  std::vector<double> spent;
  std::vector<std::string> replies;
  auto const begin = Clock::now();
  auto const end =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  drive(
      connections, [&] { return Clock::now() < end ? load.request : std::string(); },
      [&](std::string reply, double microseconds) {
        replies.push_back(std::move(reply));
        spent.push_back(microseconds);
      });
  double const took = std::chrono::duration<double>(Clock::now() - begin).count();
  std::size_t left = replies.size();
  drive(
      connections,
      [&] {
        return left == 0 ? std::string() : release_text(load, leased_in(replies[--left], load.key));
      },
      [](std::string const&, double) {});
  std::sort(spent.begin(), spent.end());
  fmt::print(
      "{{\"requests\":{},\"per_second\":{:.0f},\"p50_us\":{:.0f},\"p99_us\":{:.0f},"
      "\"max_us\":{:.0f}}}\n",
      spent.size(), static_cast<double>(spent.size()) / took, quantile(spent, 0.5),
      quantile(spent, 0.99), spent.back());
  return 0;
}

}  // namespace
}  // namespace drawbridge

int main(int argc, char** argv) {
  using namespace drawbridge;
  std::vector<std::string> const words(argv + 1, argv + argc);
  if (words.size() < 4 || (words[3] == "address" && words.size() != 5)) {
    fmt::print(stderr,
               "usage: ipam_load SOCKET CONNECTIONS SECONDS address POOLID|pool KEY=VALUE…\n");
    return 2;
  }
  bool const is_address = words[3] == "address";
  Load const load =
      is_address ? address_load(words[4]) : pool_load({words.begin() + 4, words.end()});
  return run(argv[1], std::atoi(argv[2]), std::atof(argv[3]), load);
}
