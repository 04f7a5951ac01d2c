#include "http/http_call.h"

#include <fmt/core.h>

namespace drawbridge {
namespace {

Result<ApiReply> receive_reply(UnixConnection& connection, Patience const& patience) {
  ReplyDecoder decoder;
  while (!decoder.is_whole()) {
    Result<std::string_view> const bytes = connection.receive(patience);
    if (!bytes) {
      return fail(bytes.error());
    }
    Result<void> const taken = bytes->empty() ? decoder.end() : decoder.feed(*bytes);
    if (!taken) {
      // An engine that goes away is none that answers wrongly.
      return fail(bytes->empty() ? Errc::kernel : taken.error().code, taken.error().message);
    }
  }
  return decoder.take();
}

}  // namespace

std::string bytes_of(HttpCall const& call) {
  std::string const head = fmt::format(
      "{} {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: drawbridge\r\n", call.method, call.target);
  std::string const type = call.body.empty() ? "" : "Content-Type: application/json\r\n";
  std::string const length = call.body.empty() && call.method != "POST"
                                 ? ""
                                 : fmt::format("Content-Length: {}\r\n", call.body.size());
  return head + type + length + "Connection: close\r\n\r\n" + call.body;
}

Result<ApiReply> http_call(std::filesystem::path const& socket, HttpCall const& call,
                           Patience const& patience) {
  Result<UnixConnection> connection = UnixConnection::open(socket, patience);
  if (!connection) {
    return fail(connection.error());
  }
  if (Result<void> const sent = connection->send(bytes_of(call), patience); !sent) {
    return fail(sent.error());
  }
  return receive_reply(*connection, patience);
}

}  // namespace drawbridge
