// How many commits a second the state file's settings allow on this disk: one lease a commit.
//
//   commit_rate DIRECTORY SECONDS      prints {"per_second":…,"p50_us":…,"p99_us":…}
#include "store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
  using namespace drawbridge;
  using Clock = std::chrono::steady_clock;
  if (argc != 3) {
    fmt::print(stderr, "usage: commit_rate DIRECTORY SECONDS\n");
    return 2;
  }
  Result<std::unique_ptr<Store>> const store = open_store(argv[1]);
  Pool const pool{{"bench"}, "bench", IpPrefix::parse("10.0.0.0/8").value(), {}};
  if (!store || !(*store)->save(pool)) {
    fmt::print(stderr, "commit_rate: {}: cannot be used\n", argv[1]);
    return 1;
  }
  std::vector<double> spent;
  Lease lease{pool.id, pool.prefix.address};
  auto const begin = Clock::now();
  auto const end = begin + std::chrono::duration<double>(std::atof(argv[2]));
  for (auto now = begin; now < end;) {
    ++lease.address.bits;
    if (!(*store)->save(lease)) {
      fmt::print(stderr, "commit_rate: a commit failed\n");
      return 1;
    }
    auto const after = Clock::now();
    spent.push_back(std::chrono::duration<double, std::micro>(after - now).count());
    now = after;
  }
  std::sort(spent.begin(), spent.end());
  double const took = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print("{{\"per_second\":{:.0f},\"p50_us\":{:.0f},\"p99_us\":{:.0f}}}\n",
             static_cast<double>(spent.size()) / took, spent[spent.size() / 2],
             spent[spent.size() * 99 / 100]);
  return 0;
}
