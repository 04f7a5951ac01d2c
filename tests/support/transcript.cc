#include "tests/support/transcript.h"

#include <boost/json.hpp>

#include <cassert>
#include <fstream>

namespace drawbridge {
namespace {

std::string text_of(boost::json::object const& call, char const* key) {
  boost::json::value const* value = call.if_contains(key);
  return value == nullptr ? std::string() : std::string(value->as_string());
}

}  // namespace

std::vector<RecordedCall> read_transcript(std::string const& version) {
  std::ifstream file(std::string(DRAWBRIDGE_SOURCE_DIR) + "/tests/transcripts/" + version +
                     ".jsonl");
  assert(file);
  std::vector<RecordedCall> calls;
  for (std::string line; std::getline(file, line);) {
    boost::json::value const value = boost::json::parse(line);
    boost::json::object const& call = value.as_object();
    calls.push_back({text_of(call, "scenario"), text_of(call, "path"), text_of(call, "raw"),
                     call.at("accepted").as_bool(), text_of(call, "pool_id"),
                     text_of(call, "address")});
  }
  return calls;
}

}  // namespace drawbridge
