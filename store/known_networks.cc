#include "store/known_networks.h"

#include "store/rows.h"

#include <algorithm>

namespace drawbridge {

bool has_lower_id(KnownNetwork const& a, KnownNetwork const& b) {
  return a.id < b.id;
}

Result<std::vector<KnownNetwork>> load_known_networks(Database& database) {
  return read_all(database, "SELECT id, name, bridge, subnets FROM known_networks ORDER BY id",
                  read_known_network);
}

Result<void> write_known_network(Database& database, KnownNetwork const& network) {
  return database.run(
      "INSERT OR REPLACE INTO known_networks (id, name, bridge, subnets) VALUES (?1, ?2, ?3, ?4)",
      {network.id.value, network.name, network.bridge, text_of(network.subnets)});
}

Result<void> write_known_networks(Database& database, std::vector<KnownNetwork> const& before,
                                  std::vector<KnownNetwork> const& after) {
  Result<void> written;
  for (KnownNetwork const& network : before) {
    if (written && !std::binary_search(after.begin(), after.end(), network, has_lower_id)) {
      written = database.run("DELETE FROM known_networks WHERE id = ?1", {network.id.value});
    }
  }
  for (KnownNetwork const& network : after) {
    auto const [first, last] =
        std::equal_range(before.begin(), before.end(), network, has_lower_id);
    if (written && std::find(first, last, network) == last) {
      written = write_known_network(database, network);
    }
  }
  return written;
}

}  // namespace drawbridge
