// One rtnetlink socket: batches of requests with an answer each, dumps, and events.
//
// Internal to this folder (libnl types). Speaks in libnl's codes: 0, or a positive NLE_…; its users
// know the words that nl_error() needs.
#pragma once

#include "base/result.h"
#include "netlink/route_message.h"

#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <functional>
#include <string_view>
#include <vector>

namespace drawbridge {

/// The one place where libnl's codes become ours.
///
/// code   NLE_…, either sign, as libnl is not of one mind about it
/// words  the object: "bridge db-ab12"
Error nl_error(int code, std::string_view words);

/// returns  the first code of RouteChannel::run that is not 0; 0 when all succeeded
int first_failure(std::vector<int> const& codes);

class RouteChannel {
 public:
  using OnMessage = std::function<void(nlmsghdr*)>;

  /// A socket for requests.
  static Result<RouteChannel> open();
  /// A socket that only listens, and never waits, to groups RTNLGRP_….
  static Result<RouteChannel> subscribe(std::vector<int> const& groups);

  /// Sends all messages in one call, so that no death of this process can come between them; the
  /// kernel runs every one, whether those before it failed or not.
  ///
  /// returns  a code for each message; the forgiven ones are 0
  std::vector<int> run(std::vector<RouteMessage> const& batch, OnMessage const& on_answer = {});

  /// Asks for a list; once more when it changed while it was read, so `restart` forgets what came.
  int dump(RouteMessage const& request, OnMessage const& on_answer,
           std::function<void()> const& restart);

  /// Reads what has arrived at a listening socket.
  ///
  /// returns  0   everything was read
  ///          NLE_NOMEM   the kernel had to leave events out
  int drain(OnMessage const& on_event);

  /// returns  what is readable while there is something to drain
  int descriptor() const { return nl_socket_get_fd(socket_.get()); }

 private:
  using Socket = Handle<nl_sock, nl_socket_free>;

  explicit RouteChannel(Socket socket) : socket_(std::move(socket)) {}
  static Result<RouteChannel> connect();
  int dump_once(RouteMessage const& request, OnMessage const& on_answer);

  Socket socket_;
};

}  // namespace drawbridge
