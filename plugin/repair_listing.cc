#include "plugin/repair_listing.h"

#include "plugin/json_list.h"

namespace drawbridge {
namespace {

boost::json::object object_of(Repair const& repair) {
  return {{"kind", repair.kind}, {"text", repair.text}, {"failure", repair.failure}};
}

Repair read_repair(JsonReader const& in) {
  return {in.text("kind"), in.text("text"), in.text("failure")};
}

}  // namespace

std::string encode_repairs(std::vector<Repair> const& repairs) {
  return encode_list(repairs, object_of);
}

Result<std::vector<Repair>> decode_repairs(std::string_view body) {
  return decode_list(body, "repairs", read_repair);
}

}  // namespace drawbridge
