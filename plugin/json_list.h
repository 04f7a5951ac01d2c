// A JSON list of objects, as the control socket gives most of what it is asked for. For the
// *_listing.cc files; shows Boost.JSON, so no other folder includes it.
#pragma once

#include "plugin/json_reader.h"

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// returns  JSON, each element as `object_of` makes it
template <class T>
std::string encode_list(std::vector<T> const& elements,
                        boost::json::object (*object_of)(T const&)) {
  boost::json::array list;
  for (T const& element : elements) {
    list.push_back(object_of(element));
  }
  return boost::json::serialize(list);
}

/// what     "ports", for the error
/// errors   malformed   not such a list; the text says what is wrong
template <class T>
Result<std::vector<T>> decode_list(std::string_view body, std::string_view what,
                                   T (*read)(JsonReader const&)) {
  JsonDocument document(fmt::format("{{\"{}\":{}}}", what, body));
  std::vector<T> elements;
  for (JsonReader const& element : document.root().objects(what)) {
    elements.push_back(read(element));
  }
  if (document.error()) {
    return fail(Errc::malformed,
                fmt::format("not a list of {}: {}", what, document.error()->message));
  }
  return elements;
}

}  // namespace drawbridge
