#include "base/error.h"

#include <cassert>
#include <utility>

namespace drawbridge {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::malformed:
      return "malformed";
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::not_found:
      return "not_found";
    case Errc::already_exists:
      return "already_exists";
    case Errc::exhausted:
      return "exhausted";
    case Errc::conflict:
      return "conflict";
    case Errc::unsupported:
      return "unsupported";
    case Errc::kernel:
      return "kernel";
    case Errc::store:
      return "store";
  }
  return "unknown";
}

Error Error::within(std::string_view words) const {
  std::string text(words);
  text.append(": ").append(message);
  return {code, std::move(text)};
}

void ErrorList::add(Error error) {
  errors_.push_back(std::move(error));
}

Error ErrorList::joined() const {
  assert(!errors_.empty());
  Error all = errors_.front();
  for (std::size_t i = 1; i < errors_.size(); ++i) {
    all.message.append("; ").append(errors_[i].message);
  }
  return all;
}

}  // namespace drawbridge
