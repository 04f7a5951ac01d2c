// Every parser of foreign bytes has a function here that must hold for any input.
//
// A target asserts; it returns nothing. Unit tests run it over its corpus, and with DRAWBRIDGE_FUZZ
// libFuzzer runs it over what it makes up (entry.cc.in).
#pragma once

#include <string_view>

namespace drawbridge {

/// However the bytes are cut, the decoder makes the same of them, and within its limits.
void fuzz_http_codec(std::string_view bytes);

/// However the bytes are cut, the decoder makes the same reply or the same refusal of them.
void fuzz_http_reply(std::string_view bytes);

/// Whatever is read of networks has an id, and subnets without host bits.
void fuzz_docker_networks(std::string_view bytes);

/// However a container is called, what asks for it is a path. Whatever is read of one has an id,
/// and networks with prefixes.
void fuzz_docker_containers(std::string_view bytes);

/// However the bytes are cut, the decoder makes the same events and the same end of them.
void fuzz_docker_events(std::string_view bytes);

/// Whatever the values of policy options say, lists that are taken say the same when they are
/// written again, permissions do not overlap, and refusals are one line.
void fuzz_policy_options(std::string_view bytes);

}  // namespace drawbridge
