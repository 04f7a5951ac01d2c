// The corpora of the fuzz targets, for the unit tests that run the targets over them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace drawbridge {

/// Runs `target` over every file of a folder of tests/fuzz/corpus and over the beginnings of it.
/// Fails when there are hardly any.
void run_over_corpus(std::string const& folder,
                     std::function<void(std::string_view)> const& target);

}  // namespace drawbridge
