#include "plugin/ipam_messages.h"

#include "plugin/json_reader.h"

namespace drawbridge {
namespace json = boost::json;
namespace {

PoolId read_pool_id(JsonReader const& in) {
  PoolId id{in.text("PoolID")};
  if (id.value.empty()) {
    in.refuse({Errc::invalid_argument, "\"PoolID\" is empty"});
  }
  return id;
}

bool asks_for_gateway(JsonReader const& in) {
  return in.object("Options").text("RequestAddressType") == "com.docker.network.gateway";
}

}  // namespace

Result<PoolRequest> decode_request_pool(std::string_view body) {
  JsonDocument document(body);
  JsonReader const in = document.root();
  PoolRequest request;
  request.address_space = in.text("AddressSpace");
  request.prefix = in.prefix("Pool");
  request.sub_pool = in.prefix("SubPool");
  request.options = in.text_map("Options");
  request.family = in.flag("V6") ? Family::ipv6 : Family::ipv4;
  return document.finish(std::move(request));
}

Result<PoolId> decode_pool_id(std::string_view body) {
  JsonDocument document(body);
  return document.finish(read_pool_id(document.root()));
}

Result<AddressRequest> decode_request_address(std::string_view body) {
  JsonDocument document(body);
  JsonReader const in = document.root();
  AddressKind const kind = asks_for_gateway(in) ? AddressKind::gateway : AddressKind::endpoint;
  std::string const owner = in.object("Options").text("com.docker.network.endpoint.name");
  return document.finish(AddressRequest{read_pool_id(in), in.address("Address"), kind, owner});
}

Result<Lease> decode_release_address(std::string_view body) {
  JsonDocument document(body);
  JsonReader const in = document.root();
  std::optional<IpAddress> const address = in.address("Address");
  if (!address) {
    in.refuse({Errc::invalid_argument, "\"Address\" is empty"});
  }
  return document.finish(Lease{read_pool_id(in), address.value_or(IpAddress{})});
}

std::string encode_address_spaces() {
  json::object reply;
  reply["LocalDefaultAddressSpace"] = local_address_space;
  reply["GlobalDefaultAddressSpace"] = global_address_space;
  return json::serialize(reply);
}

std::string encode_pool(Pool const& pool) {
  json::object reply;
  reply["PoolID"] = pool.id.value;
  reply["Pool"] = pool.prefix.to_string();
  reply["Data"] = json::object();
  return json::serialize(reply);
}

std::string encode_address(IpPrefix const& address) {
  json::object reply;
  reply["Address"] = address.to_string();
  reply["Data"] = json::object();
  return json::serialize(reply);
}

}  // namespace drawbridge
