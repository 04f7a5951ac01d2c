#include "ipam/ula.h"

namespace drawbridge {

IpPrefix ula_prefix(std::uint64_t random) {
  constexpr std::uint64_t global_id = (std::uint64_t{1} << 40) - 1;
  AddressBits const bits = AddressBits{0xfd} << 120 | AddressBits{random & global_id} << 80;
  return {{Family::ipv6, bits}, 48};
}

Result<IpPrefix> fixed_ula_prefix(Store& store, std::uint64_t random) {
  Result<std::optional<IpPrefix>> const kept = store.load_ula_prefix();
  if (!kept) {
    return fail(kept.error().within("load the ULA prefix"));
  }
  if (*kept) {
    return **kept;
  }
  IpPrefix const made = ula_prefix(random);
  Result<void> const saved = store.save_ula_prefix(made);
  return saved ? Result<IpPrefix>(made) : fail(saved.error().within("keep the ULA prefix"));
}

}  // namespace drawbridge
