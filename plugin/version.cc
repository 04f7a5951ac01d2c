#include "plugin/version.h"

namespace drawbridge {

char const* const version = DRAWBRIDGE_VERSION;

}  // namespace drawbridge
