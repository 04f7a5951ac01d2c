// A reply of the Docker API that is no success, as an error. Pure.
#pragma once

#include "base/error.h"
#include "http/http_reply.h"

namespace drawbridge {

/// returns  whether the reply's status says that it was done: 200, 201 or 204
bool is_success(ApiReply const& reply);

/// returns  the status with the engine's own words, on one line and not too many: "404: network x
///          not found"
///          invalid_argument  400: what was asked for cannot be
///          not_found         404: there is no such object
///          conflict          403 and 409 of the engine: collides with what there is
///          unsupported       500 and all else: the engine failed to do it; and 401, 403 and 405
///                            of a proxy before the engine's socket, which does not allow the call
///          kernel            502, 503 and 504 of such a proxy: the engine behind it is not there
Error refusal_in(ApiReply const& reply);

}  // namespace drawbridge
