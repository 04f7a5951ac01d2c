#include "ports/source_limit.h"

#include <algorithm>

namespace drawbridge {
namespace {

// As many as openers4 and openers6 hold, and as long.
constexpr std::size_t most_sources = 65'535;
constexpr std::chrono::seconds remembered{60};
constexpr std::chrono::seconds between_looks{1};

bool is_counted(RelayLimit const& limit, IpAddress const& client, IpAddress const& at) {
  return client != at &&
         std::none_of(limit.uncounted.begin(), limit.uncounted.end(),
                      [&client](IpPrefix const& each) { return each.contains(client); });
}

}  // namespace

bool SourceLimit::admits(PortHold const& hold, IpAddress const& client, IpAddress const& at,
                         Clock::time_point now) {
  if (!hold.limit || !is_counted(*hold.limit, client, at)) {
    return true;
  }
  ConnLimit const& limit = hold.limit->each;
  std::pair const key(hold.limit->network, client);
  if (!buckets_.contains(key) && !makes_room(now)) {
    return true;
  }
  Bucket& bucket = buckets_.try_emplace(key, Bucket{double(limit.burst), now}).first->second;
  std::chrono::duration<double> const passed = now - bucket.filled;
  bucket.connections =
      std::min<double>(limit.burst, bucket.connections + passed.count() * limit.per_second);
  bucket.filled = now;
  bool const is_left = bucket.connections >= 1;
  bucket.connections -= is_left ? 1 : 0;
  return is_left;
}

/// returns  false when so many sources are counted that the next one passes uncounted
bool SourceLimit::makes_room(Clock::time_point now) {
  if (buckets_.size() >= most_sources && now >= next_look_) {
    next_look_ = now + between_looks;
    std::erase_if(buckets_,
                  [now](auto const& each) { return now - each.second.filled > remembered; });
  }
  return buckets_.size() < most_sources;
}

}  // namespace drawbridge
