// IpamDriver.* bodies to values and back. Pure.
//
// source: docs/PROTOCOL.md "IPAM driver"; libnetwork ipams/remote/api
#pragma once

#include "base/result.h"
#include "ipam/ipam.h"
#include "model/pool.h"

#include <optional>
#include <string>
#include <string_view>

namespace drawbridge {

/// errors of all  invalid_argument   not JSON, or a value that cannot be; the text names the key
Result<PoolRequest> decode_request_pool(std::string_view body);
Result<PoolId> decode_pool_id(std::string_view body);
Result<AddressRequest> decode_request_address(std::string_view body);
Result<Lease> decode_release_address(std::string_view body);

std::string encode_address_spaces();
std::string encode_pool(Pool const& pool);
std::string encode_address(IpPrefix const& address);

}  // namespace drawbridge
