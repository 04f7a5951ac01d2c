#include "ports/relay_thread.h"

#include "ports/source_limit.h"
#include "ports/tcp_relay.h"
#include "ports/udp_relay.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/core.h>

#include <csignal>
#include <cstdint>
#include <future>
#include <map>
#include <system_error>
#include <thread>
#include <utility>

#include <netinet/in.h>

namespace drawbridge {
namespace {

/// A thread takes the signals over that are blocked where it is started: this one is not asked.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(NoSignals const&) = delete;
  NoSignals& operator=(NoSignals const&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

/// All but start() and the destructor is the thread's.
class RelayThread::Impl {
 public:
  explicit Impl(RelayLimits limits)
      : work_(io_.get_executor()), tcp_(io_, limits, sources_), udp_(io_, limits, sources_) {}
  ~Impl();

  Result<void> start();

  /// Has the thread do it; returns when it is done.
  template <class Work>
  void run(Work work);

  void serve(RelayedPort port);
  void forget(PublishedPort const& port);

 private:
  std::uint32_t number_of(PublishedPort const& port);

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  SourceLimit sources_;
  TcpRelay tcp_;
  UdpRelay udp_;
  std::map<PublishedPort, std::uint32_t> numbers_;
  std::uint32_t last_number_ = 0;
  std::thread thread_;
};

RelayThread::Impl::~Impl() {
  io_.stop();
  if (thread_.joinable()) {
    thread_.join();
  }
}

Result<void> RelayThread::Impl::start() {
  for (Result<void> const& opened : {tcp_.open(), udp_.open()}) {
    if (!opened) {
      return opened;
    }
  }
  NoSignals const while_starting;
  try {
    thread_ = std::thread([this] { io_.run(); });
  } catch (std::system_error const& error) {
    return fail(Errc::kernel, fmt::format("start the thread that relays: {}", error.what()));
  }
  return {};
}

template <class Work>
void RelayThread::Impl::run(Work work) {
  std::promise<void> done;
  boost::asio::post(io_, [&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

std::uint32_t RelayThread::Impl::number_of(PublishedPort const& port) {
  auto const [found, is_new] = numbers_.try_emplace(port, last_number_ + 1);
  last_number_ += is_new ? 1 : 0;
  return found->second;
}

void RelayThread::Impl::serve(RelayedPort port) {
  std::uint32_t const number = number_of(port.hold.port);
  port.hold.port.protocol == IPPROTO_TCP ? tcp_.serve(number, std::move(port))
                                         : udp_.serve(number, std::move(port));
}

void RelayThread::Impl::forget(PublishedPort const& port) {
  auto const found = numbers_.find(port);
  if (found != numbers_.end()) {
    tcp_.forget(found->second);
    udp_.forget(found->second);
    numbers_.erase(found);
  }
}

RelayThread::RelayThread(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RelayThread::~RelayThread() = default;

Result<std::unique_ptr<RelayThread>> RelayThread::start(RelayLimits limits) {
  auto impl = std::make_unique<Impl>(limits);
  if (Result<void> const started = impl->start(); !started) {
    return fail(started.error());
  }
  return std::unique_ptr<RelayThread>(new RelayThread(std::move(impl)));
}

void RelayThread::serve(RelayedPort port) {
  impl_->run([&] { impl_->serve(std::move(port)); });
}

void RelayThread::forget(PublishedPort const& port) {
  impl_->run([&] { impl_->forget(port); });
}

}  // namespace drawbridge
