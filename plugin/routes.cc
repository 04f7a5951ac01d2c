#include "plugin/routes.h"

#include "base/log.h"
#include "plugin/ipam_messages.h"
#include "plugin/network_messages.h"
#include "plugin/port_brief.h"
#include "plugin/port_messages.h"
#include "plugin/wall_clock.h"

#include <fmt/core.h>

#include <optional>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

constexpr char const* empty_reply = "{}";

std::string subject(NetworkId const& id) {
  return fmt::format("network={}", id.brief());
}

std::string subject(EndpointRef const& ref) {
  return fmt::format("network={} endpoint={}", ref.network.brief(), ref.endpoint.brief());
}

Result<std::string> done(Result<void> const& result) {
  return result ? Result<std::string>(empty_reply) : fail(result.error());
}

// Network driver

Result<std::string> create_network(Services services, Call& call) {
  Result<NetworkRequest> request = decode_create_network(call.body);
  if (!request) {
    return fail(request.error());
  }
  call.subject = subject(request->id);
  services.looks.mend();
  NetworkId const id = request->id;
  Result<void> const created = services.driver.create_network(std::move(*request));
  if (created) {
    services.engine.created(id);
  }
  for (std::string const& warning : services.driver.take_warnings()) {
    log::warn("{}", warning);
  }
  return done(created);
}

Result<std::string> delete_network(Services services, Call& call) {
  Result<NetworkId> const id = decode_network_id(call.body);
  if (!id) {
    return fail(id.error());
  }
  call.subject = subject(*id);
  services.engine.deleted(*id);
  return done(services.driver.delete_network(*id));
}

Result<std::string> create_endpoint(Services services, Call& call) {
  Result<CreateEndpointMessage> message = decode_create_endpoint(call.body);
  if (!message) {
    return fail(message.error());
  }
  EndpointRef const ref{message->endpoint.network, message->endpoint.id};
  call.subject = subject(ref);
  services.engine.touched(ref.network, ref.endpoint);
  Result<MacAddress> const mac =
      services.driver.create_endpoint(std::move(message->endpoint), message->mac);
  if (!mac) {
    return fail(mac.error());
  }
  // Repeating an address that the request had is an error to the engine.
  return encode_mac(message->mac ? std::nullopt : std::optional(*mac));
}

Result<std::string> delete_endpoint(Services services, Call& call) {
  Result<EndpointRef> const ref = decode_endpoint_ref(call.body);
  if (!ref) {
    return fail(ref.error());
  }
  call.subject = subject(*ref);
  services.engine.touched(ref->network, ref->endpoint);
  return done(services.driver.delete_endpoint(ref->network, ref->endpoint));
}

/// Has the answer wait until `tell` says that proxies and attachments follow.
void wait_for_proxies(Services services, Call& call, EndpointRef const& ref,
                      decltype(&Attendance::joined) tell) {
  if (services.attendance == nullptr) {
    return;
  }
  auto until = [attendance = services.attendance, ref, tell](std::function<void()> go_on) {
    (attendance->*tell)(ref.network, ref.endpoint, std::move(go_on));
  };
  call.delay = AnswerDelay{std::move(until), "proxies"};
}

Result<std::string> join(Services services, Call& call) {
  Result<JoinMessage> const message = decode_join(call.body);
  if (!message) {
    return fail(message.error());
  }
  EndpointRef const& ref = message->ref;
  call.subject = subject(ref);
  services.engine.touched(ref.network, ref.endpoint);
  services.looks.mend();
  Result<JoinReply> const reply = services.driver.join(ref.network, ref.endpoint, message->sandbox);
  if (!reply) {
    return fail(reply.error());
  }
  services.engine.joined(ref.network, ref.endpoint);
  wait_for_proxies(services, call, ref, &Attendance::joined);
  return encode_join(*reply);
}

/// May come again for an endpoint that is published already, with another list.
Result<std::string> program_external_connectivity(Services services, Call& call) {
  Result<ProgramMessage> message = decode_program(call.body);
  if (!message) {
    return fail(message.error());
  }
  call.subject = subject(message->ref);
  services.engine.touched(message->ref.network, message->ref.endpoint);
  services.looks.mend();
  PublishRequest request{message->ref.network, message->ref.endpoint, std::move(message->ports)};
  if (message->only_ipv4) {
    request.only = Family::ipv4;
  }
  if (services.driver.gives_ports(request.network)) {
    services.engine.name_containers(request);
  }
  Result<std::vector<PublishedPort>> const ports = services.driver.publish(request);
  if (!ports) {
    return fail(ports.error());
  }
  if (!ports->empty()) {
    call.subject += fmt::format(" ports={}", brief_text(*ports));
  }
  services.engine.published(request.network, request.endpoint);
  return empty_reply;
}

/// RevokeExternalConnectivity and Leave. The interface stays until DeleteEndpoint, because the
/// engine has yet to take it out of the sandbox; the ports go now, because another endpoint may
/// want them before that.
Result<EndpointRef> unpublish(Services services, Call& call) {
  Result<EndpointRef> ref = decode_endpoint_ref(call.body);
  if (!ref) {
    return ref;
  }
  call.subject = subject(*ref);
  services.engine.touched(ref->network, ref->endpoint);
  Result<void> const unpublished = services.driver.unpublish(ref->network, ref->endpoint);
  return unpublished ? ref : fail(unpublished.error());
}

Result<std::string> revoke_external_connectivity(Services services, Call& call) {
  Result<EndpointRef> const ref = unpublish(services, call);
  return ref ? Result<std::string>(empty_reply) : fail(ref.error());
}

Result<std::string> leave(Services services, Call& call) {
  Result<EndpointRef> const ref = unpublish(services, call);
  if (!ref) {
    return fail(ref.error());
  }
  wait_for_proxies(services, call, *ref, &Attendance::left);
  return empty_reply;
}

Result<std::string> endpoint_info(Services services, Call& call) {
  Result<EndpointRef> const ref = decode_endpoint_ref(call.body);
  if (!ref) {
    return fail(ref.error());
  }
  call.subject = subject(*ref);
  std::optional<Endpoint> const endpoint = services.driver.endpoint(ref->network, ref->endpoint);
  return endpoint ? encode_endpoint_info(*endpoint) : R"({"Value":{}})";
}

Result<std::string> allocate_network(Call& call) {
  return echo_allocate_network(call.body);
}

Result<std::string> free_network(Call& call) {
  Result<NetworkId> const id = decode_network_id(call.body);
  if (!id) {
    return fail(id.error());
  }
  call.subject = subject(*id);
  return empty_reply;
}

// IPAM driver

Result<std::string> request_pool(Services services, Call& call) {
  Result<PoolRequest> const request = decode_request_pool(call.body);
  if (!request) {
    return fail(request.error());
  }
  call.subject = fmt::format("pool={}", request->prefix ? request->prefix->to_string() : "any");
  Result<HostRoutes const*> const routes = services.kernel.host_routes();
  if (!routes) {
    return fail(routes.error());
  }
  Result<PoolGrant> const grant = services.ipam.request_pool(*request, **routes);
  if (!grant) {
    return fail(grant.error());
  }
  call.subject = fmt::format("pool={}", grant->pool.id.value);
  services.engine.touched(grant->pool.id);
  for (std::string const& warning : grant->warnings) {
    log::warn("{}", warning);
  }
  return encode_pool(grant->pool);
}

Result<std::string> release_pool(Services services, Call& call) {
  Result<PoolId> const id = decode_pool_id(call.body);
  if (!id) {
    return fail(id.error());
  }
  call.subject = fmt::format("pool={}", id->value);
  services.engine.touched(*id);
  return done(services.ipam.release_pool(*id));
}

Result<std::string> request_address(Services services, Call& call) {
  Result<AddressRequest> const request = decode_request_address(call.body);
  if (!request) {
    return fail(request.error());
  }
  call.subject = fmt::format("pool={}", request->pool.value);
  Result<IpPrefix> const address = services.ipam.request_address(*request);
  if (!address) {
    return fail(address.error());
  }
  call.subject += fmt::format(" address={}", address->address.to_string());
  services.engine.touched(request->pool, address->address);
  return encode_address(*address);
}

Result<std::string> release_address(Services services, Call& call) {
  Result<Lease> const lease = decode_release_address(call.body);
  if (!lease) {
    return fail(lease.error());
  }
  call.subject = fmt::format("pool={} address={}", lease->pool.value, lease->address.to_string());
  services.engine.touched(lease->pool, lease->address);
  return done(services.ipam.release_address(lease->pool, lease->address, wall_time()));
}

using ServiceHandler = Result<std::string> (*)(Services, Call&);

/// A method without arguments: the same answer always.
std::function<Result<std::string>(Call&)> constant(std::string reply) {
  return [reply = std::move(reply)](Call&) -> Result<std::string> { return reply; };
}

}  // namespace

Router make_plugin_router(Services services) {
  Router router(services.group);
  auto const network = [&](char const* method, LogAs log_as, auto handle) {
    router.add(std::string("/NetworkDriver.") + method, {ErrorKey::err, log_as, handle});
  };
  auto const ipam = [&](char const* method, LogAs log_as, auto handle) {
    router.add(std::string("/IpamDriver.") + method,
               {ErrorKey::error, log_as, handle, Commit::in_group});
  };
  auto const with = [services](ServiceHandler handle) {
    return [services, handle](Call& call) { return handle(services, call); };
  };

  router.add("/Plugin.Activate", {ErrorKey::err, LogAs::info,
                                  constant(R"({"Implements":["NetworkDriver","IpamDriver"]})")});

  network("GetCapabilities", LogAs::info,
          constant(R"({"Scope":"local","ConnectivityScope":"local","GwAllocChecker":false})"));
  network("CreateNetwork", LogAs::info, with(create_network));
  network("DeleteNetwork", LogAs::info, with(delete_network));
  network("CreateEndpoint", LogAs::info, with(create_endpoint));
  network("DeleteEndpoint", LogAs::info, with(delete_endpoint));
  network("Join", LogAs::info, with(join));
  network("Leave", LogAs::info, with(leave));
  network("ProgramExternalConnectivity", LogAs::info, with(program_external_connectivity));
  network("RevokeExternalConnectivity", LogAs::info, with(revoke_external_connectivity));
  network("EndpointOperInfo", LogAs::debug, with(endpoint_info));
  network("GwAllocCheck", LogAs::debug, constant(R"({"SkipIPv4":false,"SkipIPv6":false})"));
  network("AllocateNetwork", LogAs::info, allocate_network);
  network("FreeNetwork", LogAs::info, free_network);
  network("DiscoverNew", LogAs::debug, constant(empty_reply));
  network("DiscoverDelete", LogAs::debug, constant(empty_reply));

  ipam("GetCapabilities", LogAs::info,
       constant(R"({"RequiresMACAddress":false,"RequiresRequestReplay":false})"));
  ipam("GetDefaultAddressSpaces", LogAs::debug, constant(encode_address_spaces()));
  ipam("RequestPool", LogAs::info, with(request_pool));
  ipam("ReleasePool", LogAs::info, with(release_pool));
  ipam("RequestAddress", LogAs::info, with(request_address));
  ipam("ReleaseAddress", LogAs::info, with(release_address));
  return router;
}

}  // namespace drawbridge
