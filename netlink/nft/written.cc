#include "netlink/nft/written.h"

#include "base/log.h"
#include "netlink/nft/connlimit.h"
#include "netlink/nft/elements.h"
#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"

#include <fmt/core.h>

#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include <linux/netfilter.h>

namespace drawbridge {
namespace {

std::string name_of(std::uint16_t family) {
  return family == NFPROTO_BRIDGE ? "table bridge drawbridge" : "table inet drawbridge";
}

/// The tables that this kernel can hold.
std::vector<std::uint16_t> families_of(NftSocket& socket) {
  NftBatch batch;
  append_trial(batch, NFPROTO_BRIDGE);
  Result<void> const tried = socket.commit(batch);
  if (!tried) {
    log::warn(
        "this kernel has no nftables for bridges ({}): containers can forge addresses, and compose "
        "projects are not kept apart",
        tried.error().message);
    return {NFPROTO_INET};
  }
  return {NFPROTO_INET, NFPROTO_BRIDGE};
}

std::uint64_t fnv1a64(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (char const c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  }
  return hash;
}

std::string describe(std::uint16_t family, Fingerprint const& fingerprint) {
  std::string text = fmt::format("\n{} {} {}", family, fingerprint.table, fingerprint.flags);
  for (auto const& [handle, policy] : fingerprint.chains) {
    text += fmt::format(" {}:{}", handle, policy);
  }
  for (std::uint64_t const handle : fingerprint.rules) {
    text += fmt::format(" {}", handle);
  }
  return text;
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace

std::string word_for(std::string_view rules, std::string_view boot,
                     Fingerprints const& fingerprints) {
  std::string text(boot);
  for (auto const& [family, fingerprint] : fingerprints) {
    text += describe(family, fingerprint);
  }
  text += '\n';
  text += rules;
  return fmt::format("{:015x}", fnv1a64(text) >> 4);
}

WrittenTables::WrittenTables(NftSocket& socket) : families_(families_of(socket)) {}

void WrittenTables::remember(NftSocket& socket) {
  for (std::uint16_t const family : families_) {
    fingerprints_[family] =
        fingerprint_of(socket, family).value_or(std::nullopt).value_or(Fingerprint{});
  }
}

bool WrittenTables::recognise(NftSocket& socket) {
  Fingerprints found;
  for (std::uint16_t const family : families_) {
    std::optional<Fingerprint> fingerprint = fingerprint_of(socket, family).value_or(std::nullopt);
    if (!fingerprint) {
      return false;
    }
    found.emplace(family, *std::move(fingerprint));
  }
  Result<std::set<StoredElement>> const marks = stored_in(socket, nft_set::written);
  if (!marks || *marks != stored_form({mark_of(found)}, nft_set::written)) {
    return false;
  }
  fingerprints_ = std::move(found);
  return true;
}

Result<std::vector<std::string>> WrittenTables::astray(NftSocket& socket) const {
  std::vector<std::string> lines;
  for (auto const& [family, fingerprint] : fingerprints_) {
    Result<std::optional<Fingerprint>> const found = fingerprint_of(socket, family);
    if (!found) {
      return fail(found.error());
    }
    if (*found != fingerprint) {
      lines.push_back(*found ? "rules of " + name_of(family) + " were changed"
                             : name_of(family) + " was gone");
    }
  }
  return lines;
}

Result<std::vector<std::string>> WrittenTables::absent(NftSocket& socket) const {
  std::vector<std::string> lines;
  for (std::uint16_t const family : families_) {
    Result<std::optional<Fingerprint>> const found = fingerprint_of(socket, family);
    if (!found) {
      return fail(found.error());
    }
    if (!*found) {
      lines.push_back(name_of(family) + " was gone");
    }
  }
  return lines;
}

std::set<std::string> WrittenTables::missing_chains(std::set<Element> const& elements) const {
  std::set<std::string> missing = connlimit_chains_of(elements);
  for (auto const& [family, fingerprint] : fingerprints_) {
    for (std::string const& chain : fingerprint.connlimit_chains) {
      missing.erase(chain);
    }
  }
  return missing;
}

Element WrittenTables::mark() const {
  return mark_of(fingerprints_);
}

Element WrittenTables::mark_of(Fingerprints const& fingerprints) const {
  NftBatch skeleton;
  for (std::uint16_t const family : families_) {
    append_skeleton(skeleton, family);
  }
  return {nft_set::written, {word_for(skeleton.bytes(), boot_id(), fingerprints)}};
}

}  // namespace drawbridge
