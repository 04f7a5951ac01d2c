#include "plugin/server.h"

#include "base/log.h"
#include "plugin/connections.h"
#include "plugin/core_loop.h"
#include "plugin/unix_socket.h"
#include "plugin/watch.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <sys/socket.h>

namespace drawbridge {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr std::chrono::milliseconds accept_retry{50};

/// A socket on which clients arrive.
struct Door {
  Door(asio::io_context& io, UnixSocket socket, Handler handler_of_requests)
      : is_inherited(!socket.has_file()),
        file(std::move(socket)),
        listening(io, file.take_descriptor().release()),
        handler(std::move(handler_of_requests)),
        room(io, never) {
    listening.non_blocking(true);
  }

  bool is_inherited;
  UnixSocket file;
  stream_descriptor listening;
  Handler handler;
  asio::steady_timer room;  // cancelled when a connection ended or became idle
  bool in_trouble = false;  // accept failed, and the log says so
};

enum class Accepted { one, none, failed };

/// returns  what to tell a client whose request broke off
std::optional<HttpRefusal> refusal_by(error_code error) {
  if (error == asio::error::eof) {
    return HttpRefusal{400, "the connection ended before the request did"};
  }
  if (error == asio::error::operation_aborted) {
    return HttpRefusal{408, "the request took too long to arrive"};
  }
  return std::nullopt;
}

void log_thrown(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (std::exception const& exception) {
    log::error("connection closed: {}", exception.what());
  }
}

}  // namespace

/// All of it belongs to the io thread, but for `core` and `handle`.
struct Server::Impl {
  explicit Impl(ServerLimits the_limits) : limits(the_limits) {}

  ServerLimits limits;
  asio::io_context io{1};
  asio::signal_set signals{io, SIGTERM, SIGINT, SIGHUP};
  std::list<Door> doors;
  Connections connections{io, limits};
  bool stopping = false;
  CoreLoop core;
  CoreLoop::Task on_hangup;
  CoreLoop::Task on_stop;
  std::list<Watch> watches;

  asio::awaitable<void> accept_clients(Door& door);
  Accepted accept_one(Door& door);
  void close_door(Door& door);
  void open(Door& door, FileDescriptor client);
  void tell_room();

  asio::awaitable<void> serve(Connection& connection);
  asio::awaitable<bool> receive(Connection& connection);
  asio::awaitable<bool> answer(Connection& connection);
  asio::awaitable<void> refuse(Connection& connection);
  asio::awaitable<bool> send(Connection& connection, std::string text);
  asio::awaitable<void> linger(Connection& connection);
  error_code begin_read(Connection& connection);
  void finish(Connections::Place place);

  void wait_for_signal();
  void begin_stop();

  void handle(Connection& connection);
};

asio::awaitable<void> Server::Impl::accept_clients(Door& door) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  while (!stopping) {
    co_await door.listening.async_wait(stream_descriptor::wait_read, token);
    if (stopping) {
      co_return;
    }
    bool const full = connections.is_full();
    if (!full && accept_one(door) != Accepted::failed) {
      continue;
    }
    connections.evict_longest_idle();
    door.room.expires_at(full ? never : Clock::now() + accept_retry);
    co_await door.room.async_wait(token);
  }
}

/// returns  failed when the process or the kernel has run out of something
Accepted Server::Impl::accept_one(Door& door) {
  int const flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
  FileDescriptor client(::accept4(door.listening.native_handle(), nullptr, nullptr, flags));
  int const code = errno;
  if (client.is_open()) {
    door.in_trouble = false;
    open(door, std::move(client));
    return Accepted::one;
  }
  if (code == EAGAIN || code == EINTR || code == ECONNABORTED) {
    return Accepted::none;
  }
  if (!std::exchange(door.in_trouble, true)) {
    log::warn("accept a connection: {}; trying again", std::strerror(code));
  }
  return Accepted::failed;
}

void Server::Impl::open(Door& door, FileDescriptor client) {
  std::optional<Connections::Place> const place = connections.add(std::move(client), door.handler);
  if (!place) {
    return;
  }
  asio::co_spawn(io, serve(**place), [this, place](std::exception_ptr const& thrown) {
    if (thrown) {
      log_thrown(thrown);
    }
    finish(*place);
  });
}

void Server::Impl::tell_room() {
  for (Door& door : doors) {
    door.room.cancel();
  }
}

asio::awaitable<void> Server::Impl::serve(Connection& connection) {
  bool open = true;
  while (open) {
    std::optional<HttpRequest> request = connection.decoder.next();
    if (request) {
      connection.request = std::move(*request);
      connection.has_asked = true;
      open = co_await answer(connection);
    } else if (connection.decoder.refusal()) {
      connection.refusal = connection.decoder.refusal();
      open = false;
    } else {
      open = co_await receive(connection);
    }
  }
  co_await refuse(connection);
}

/// returns  true when more bytes have arrived
asio::awaitable<bool> Server::Impl::receive(Connection& connection) {
  error_code error = begin_read(connection);
  std::size_t size = 0;
  if (!error) {
    auto token = asio::redirect_error(asio::use_awaitable, error);
    auto const buffer = asio::buffer(connection.incoming);
    size = co_await connection.socket.async_read_some(buffer, token);
  }
  connection.idle_since = never;
  if (error && connection.decoder.in_request()) {
    connection.refusal = refusal_by(error);
  }
  connection.decoder.feed({connection.incoming.data(), size});
  co_return !error;
}

/// returns  operation_aborted when there is no time left to read in
error_code Server::Impl::begin_read(Connection& connection) {
  Clock::time_point const now = Clock::now();
  if (!connection.decoder.in_request()) {
    connection.deadline = never;
    connection.idle_since = now;
    tell_room();
    if (stopping) {
      connections.end_when_idle(connection);
    }
    return {};
  }
  if (connection.deadline == never) {
    connections.set_deadline(connection, limits.request);
  }
  return now < connection.deadline ? error_code() : asio::error::operation_aborted;
}

/// returns  true when the connection can go on
asio::awaitable<bool> Server::Impl::answer(Connection& connection) {
  connection.deadline = never;
  core.post([this, &connection] { handle(connection); });
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await connection.answered.async_wait(token);
  bool const keep_alive = connection.request.keep_alive && !stopping;
  std::string text = encode(connection.reply, keep_alive);
  connection.request = {};  // a large body would stay for as long as the connection
  bool const sent = co_await send(connection, std::move(text));
  bool const over = sent && !keep_alive;
  if (over) {
    co_await linger(connection);
  }
  co_return sent && !over;
}

/// Says why the connection cannot go on, if there is anything to say.
asio::awaitable<void> Server::Impl::refuse(Connection& connection) {
  if (!connection.refusal) {
    co_return;
  }
  log::debug("request refused: {}", connection.refusal->reason);
  std::string text = encode(reply_to(*connection.refusal), false);
  bool const sent = co_await send(connection, std::move(text));
  if (sent) {
    co_await linger(connection);
  }
}

/// returns  false when the client does not take it
asio::awaitable<bool> Server::Impl::send(Connection& connection, std::string text) {
  connections.set_deadline(connection, limits.reply);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  auto const buffer = asio::buffer(text);
  co_await asio::async_write(connection.socket, buffer, token);
  connection.deadline = never;
  co_return !error;
}

/// Reads on until the client closes: with bytes unread, our close would cost it the reply.
asio::awaitable<void> Server::Impl::linger(Connection& connection) {
  error_code error;
  error = connection.socket.shutdown(stream_protocol::socket::shutdown_send, error);
  connections.set_deadline(connection, limits.linger);
  auto token = asio::redirect_error(asio::use_awaitable, error);
  auto const buffer = asio::buffer(connection.incoming);
  while (!error && Clock::now() < connection.deadline) {
    co_await connection.socket.async_read_some(buffer, token);
  }
}

void Server::Impl::finish(Connections::Place place) {
  connections.remove(place);
  tell_room();
  if (stopping && connections.is_empty()) {
    io.stop();
  }
}

void Server::Impl::wait_for_signal() {
  signals.async_wait([this](error_code error, int signal) {
    if (error) {
      return;
    }
    if (signal != SIGHUP) {
      begin_stop();
    } else if (on_hangup) {
      core.post(on_hangup);
    }
    wait_for_signal();
  });
}

void Server::Impl::begin_stop() {
  if (std::exchange(stopping, true)) {
    return;
  }
  for (Door& door : doors) {
    door.file.remove_file();
  }
  for (Door& door : doors) {
    close_door(door);
  }
  for (Watch& watch : watches) {
    watch.close();
  }
  connections.begin_stop();
  if (on_stop) {
    core.post(on_stop);
  }
  if (connections.is_empty()) {
    io.stop();
  }
}

/// Clients that have connected and wait to be accepted have asked already. An inherited socket
/// keeps them for the next daemon; ours would turn them away.
void Server::Impl::close_door(Door& door) {
  if (!door.is_inherited) {
    ::shutdown(door.listening.native_handle(), SHUT_RDWR);
    while (!connections.is_full() && accept_one(door) == Accepted::one) {
    }
  }
  door.listening.close();
  door.room.cancel();
}

/// On the core thread. The connection belongs to the io thread again once that is told.
void Server::Impl::handle(Connection& connection) {
  HttpRequest const& request = connection.request;
  auto const answer = [this, &connection](HttpReply reply) {
    connection.reply = std::move(reply);
    asio::post(io, [&connection] { connection.answered.cancel(); });
  };
  try {
    connection.handler(request, answer);
  } catch (std::exception const& thrown) {
    log::error("{} {}: {}", request.method, request.path, thrown.what());
    answer(reply_to({500, "internal error: the log of the plugin says more"}));
  }
}

Handler at_once(std::function<HttpReply(HttpRequest const&)> reply) {
  return [reply = std::move(reply)](HttpRequest const& request, Answer const& answer) {
    answer(reply(request));
  };
}

Server::Server(ServerLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
Server::~Server() = default;

Result<void> Server::listen(Listener listener) {
  if (listener.inherited.is_open()) {
    impl_->doors.emplace_back(impl_->io, UnixSocket::adopt(std::move(listener.inherited)),
                              std::move(listener.handler));
    return {};
  }
  Result<UnixSocket> socket =
      UnixSocket::listen_on(std::move(listener.socket), listener.directory_mode);
  if (!socket) {
    return fail(socket.error());
  }
  impl_->doors.emplace_back(impl_->io, std::move(*socket), std::move(listener.handler));
  return {};
}

Result<void> Server::watch(int descriptor, std::function<void()> on_readable) {
  if (descriptor < 0) {
    return {};
  }
  return impl_->watches.emplace_back(impl_->io, impl_->core, std::move(on_readable))
      .open(descriptor);
}

void Server::run(CoreWork const& work) {
  std::signal(SIGPIPE, SIG_IGN);
  impl_->on_hangup = work.on_hangup;
  impl_->on_stop = work.on_stop;
  impl_->wait_for_signal();
  for (Door& door : impl_->doors) {
    asio::co_spawn(impl_->io, impl_->accept_clients(door), asio::detached);
  }
  for (Watch& watch : impl_->watches) {
    watch.wait();
  }
  std::thread io_thread([this] {
    impl_->io.run();
    impl_->core.finish();
  });
  impl_->core.run(work.idle_after, work.on_idle, work.on_drained);
  io_thread.join();
}

void Server::stop() {
  asio::post(impl_->io, [this] { impl_->begin_stop(); });
}

void Server::post(std::function<void()> task) {
  impl_->core.post(std::move(task));
}

}  // namespace drawbridge
