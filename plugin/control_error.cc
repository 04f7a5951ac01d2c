#include "plugin/control_error.h"

#include "plugin/json_reader.h"

namespace drawbridge {

std::string decode_control_error(std::string_view body) {
  JsonDocument document(body);
  std::string reason = document.root().text("Err");
  return reason.empty() ? "the daemon failed without saying why" : reason;
}

}  // namespace drawbridge
