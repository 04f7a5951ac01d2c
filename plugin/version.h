// The version of this build, from CMakeLists.txt.
#pragma once

namespace drawbridge {

extern char const* const version;  // "0.1.0"

}  // namespace drawbridge
