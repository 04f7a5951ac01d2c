#include "plugin/steward.h"

#include "plugin/stewardship.h"

#include <utility>

namespace drawbridge {

/// The side of the core thread: knows at once whether anything can follow from a Join or a Leave.
class Steward::Impl {
 public:
  Impl(std::filesystem::path socket, std::set<Membership> made, StewardHooks hooks,
       StewardLimits limits)
      : socket_(std::move(socket)),
        made_(std::move(made)),
        hooks_(std::move(hooks)),
        limits_(limits) {}
  ~Impl();
  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;

  void begin(AttachWishes wishes, std::vector<OwnNetwork> networks);
  void configure(AttachWishes wishes);
  void networks_are(std::vector<OwnNetwork> networks);
  void joined(OwnEndpoint endpoint, std::function<void()> done);
  void left(NetworkId const& network, EndpointId const& endpoint, std::function<void()> done);
  void look();

 private:
  void tell_thread();
  void judge_networks();
  bool is_held(NetworkId const& network) const;
  StewardshipHooks hooks();
  void keep(Membership const& each, std::function<void(Result<void>)> const& kept);
  void keep_no_more(Membership const& each);

  std::filesystem::path socket_;
  std::set<Membership> made_;  // as the store has them
  StewardHooks hooks_;
  StewardLimits limits_;
  AttachWishes wishes_;
  std::vector<OwnNetwork> networks_;
  std::set<NetworkId> watched_;
  // Gone once this is: tasks that come to the core thread later do nothing.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::shared_ptr<PutOff> put_off_ = std::make_shared<PutOff>();
  std::unique_ptr<Stewardship> thread_;  // from the first wish on
};

Steward::Impl::~Impl() {
  alive_.reset();
  thread_.reset();
  for (auto const& [number, answer] : put_off_->take_all()) {
    hooks_.post_to_core(answer);
  }
}

/// The store may have ways in that nobody wishes any more.
void Steward::Impl::begin(AttachWishes wishes, std::vector<OwnNetwork> networks) {
  wishes_ = std::move(wishes);
  networks_are(std::move(networks));
  if (!thread_) {
    hooks_.post_to_core([alive = std::weak_ptr<bool>(alive_), this] {
      if (!alive.expired()) {
        hooks_.on_routes({});
      }
    });
  }
}

void Steward::Impl::configure(AttachWishes wishes) {
  wishes_ = std::move(wishes);
  judge_networks();
  tell_thread();
}

void Steward::Impl::networks_are(std::vector<OwnNetwork> networks) {
  networks_ = std::move(networks);
  judge_networks();
  if (thread_) {
    thread_->networks_are(networks_);
  } else {
    tell_thread();
  }
}

void Steward::Impl::judge_networks() {
  watched_.clear();
  for (OwnNetwork const& network : networks_) {
    if (is_watched(network, wishes_)) {
      watched_.insert(network.id);
    }
  }
}

/// Makes the thread with the first wish.
void Steward::Impl::tell_thread() {
  if (!thread_ && (has_wishes(networks_, wishes_) || !made_.empty())) {
    thread_ = std::make_unique<Stewardship>(socket_, made_, hooks(), limits_);
    thread_->networks_are(networks_);
  }
  if (thread_) {
    thread_->configure(wishes_);
  }
}

/// While Docker connects or disconnects somebody for us, it waits for this answer.
void Steward::Impl::joined(OwnEndpoint endpoint, std::function<void()> done) {
  if (!thread_ || !watched_.contains(endpoint.network)) {
    done();
    return;
  }
  if (std::optional<ContainerId> const owner = thread_->in_progress_on(endpoint.network)) {
    thread_->joined(std::move(endpoint), owner, std::nullopt);
    done();
    return;
  }
  thread_->joined(std::move(endpoint), std::nullopt, put_off_->add(std::move(done)));
}

void Steward::Impl::left(NetworkId const& network, EndpointId const& endpoint,
                         std::function<void()> done) {
  if (!thread_) {
    done();
    return;
  }
  if (!is_held(network) || thread_->in_progress_on(network)) {
    thread_->left(network, endpoint, std::nullopt);
    done();
    return;
  }
  thread_->left(network, endpoint, put_off_->add(std::move(done)));
}

/// returns  whether somebody was put there: only he has to be taken off before it can be removed
bool Steward::Impl::is_held(NetworkId const& network) const {
  auto const first = made_.lower_bound(Membership{network, {}});
  return first != made_.end() && first->network == network;
}

void Steward::Impl::look() {
  if (thread_) {
    thread_->look();
  }
}

/// What comes to the core thread when this is gone is dropped there, but for answers.
StewardshipHooks Steward::Impl::hooks() {
  std::weak_ptr<bool> const alive = alive_;
  auto const post = [alive, post = hooks_.post_to_core](std::function<void()> task) {
    post([alive, task = std::move(task)] {
      if (!alive.expired()) {
        task();
      }
    });
  };
  StewardshipHooks hooks;
  hooks.routes = [this, post](std::set<ProxyRoute> routes) {
    post([this, routes = std::move(routes)] { hooks_.on_routes(routes); });
  };
  hooks.keep = [this, post](Membership const& each, std::function<void(Result<void>)> kept) {
    post([this, each, kept = std::move(kept)] { keep(each, kept); });
  };
  hooks.keep_no_more = [this, post](Membership const& each) {
    post([this, each] { keep_no_more(each); });
  };
  hooks.answer = [put_off = put_off_, post = hooks_.post_to_core](std::uint64_t number) {
    post(put_off->take(number));
  };
  return hooks;
}

void Steward::Impl::keep(Membership const& each, std::function<void(Result<void>)> const& kept) {
  Result<void> const outcome = hooks_.on_made(each);
  if (outcome) {
    made_.insert(each);
  }
  thread_->post([kept, outcome] { kept(outcome); });
}

void Steward::Impl::keep_no_more(Membership const& each) {
  made_.erase(each);
  hooks_.on_ended(each);
}

Steward::Steward(std::filesystem::path socket, AttachWishes wishes,
                 std::vector<OwnNetwork> networks, std::set<Membership> made, StewardHooks hooks,
                 StewardLimits limits)
    : impl_(std::make_unique<Impl>(std::move(socket), std::move(made), std::move(hooks), limits)) {
  impl_->begin(std::move(wishes), std::move(networks));
}

Steward::~Steward() = default;

void Steward::configure(AttachWishes wishes) {
  impl_->configure(std::move(wishes));
}

void Steward::networks_are(std::vector<OwnNetwork> networks) {
  impl_->networks_are(std::move(networks));
}

void Steward::joined(OwnEndpoint endpoint, std::function<void()> done) {
  impl_->joined(std::move(endpoint), std::move(done));
}

void Steward::left(NetworkId const& network, EndpointId const& endpoint,
                   std::function<void()> done) {
  impl_->left(network, endpoint, std::move(done));
}

void Steward::look() {
  impl_->look();
}

}  // namespace drawbridge
