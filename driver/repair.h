// What a look at the kernel found wrong with what is ours, and what became of it.
#pragma once

#include <string>

namespace drawbridge {

struct Repair {
  std::string kind;     // one word, counted by it: "bridge", "address", "port", "rules", ...
  std::string text;     // one line that names the damage, or the step that it takes
  std::string failure;  // why it is as it was; empty: it is repaired

  bool operator==(Repair const&) const = default;
};

}  // namespace drawbridge
