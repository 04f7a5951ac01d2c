#include "cli/repair_text.h"

#include "cli/table.h"

#include <fmt/core.h>

#include <algorithm>

namespace drawbridge {
namespace {

std::string line_of(Repair const& repair, bool dry_run) {
  if (!repair.failure.empty()) {
    return fmt::format("cannot repair: {}: {}", repair.text, repair.failure);
  }
  return (dry_run ? "to repair: " : "repaired: ") + repair.text;
}

}  // namespace

std::string repair_text(std::vector<Repair> const& repairs, bool dry_run) {
  std::string text;
  for (Repair const& repair : repairs) {
    text += printable(line_of(repair, dry_run)) + "\n";
  }
  return text.empty() ? "nothing to repair\n" : text;
}

int exit_code_of(std::vector<Repair> const& repairs, bool dry_run) {
  auto const is_open = [dry_run](Repair const& repair) {
    return dry_run || !repair.failure.empty();
  };
  return std::any_of(repairs.begin(), repairs.end(), is_open) ? 1 : 0;
}

}  // namespace drawbridge
