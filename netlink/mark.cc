#include "netlink/mark.h"

namespace drawbridge {
namespace {

constexpr std::string_view alias_prefix = "drawbridge:";
constexpr std::string_view container_suffix = "/container";
constexpr std::string_view limiter_suffix = "/limit";

}  // namespace

std::string mark_of(std::string_view owner) {
  return std::string(alias_prefix).append(owner);
}

std::string container_mark_of(std::string_view owner) {
  return mark_of(owner).append(container_suffix);
}

std::string limiter_mark_of(std::string_view owner) {
  return mark_of(owner).append(limiter_suffix);
}

bool is_mark(std::string_view alias) {
  return alias.starts_with(alias_prefix);
}

std::optional<std::string> owner_in(std::string_view alias) {
  bool const is_another =
      alias == retired_mark || alias.ends_with(container_suffix) || alias.ends_with(limiter_suffix);
  if (!is_mark(alias) || is_another) {
    return std::nullopt;
  }
  return std::string(alias.substr(alias_prefix.size()));
}

}  // namespace drawbridge
