// What a container's name and labels make of it in a network. Pure.
#pragma once

#include "model/docker.h"
#include "model/network.h"

namespace drawbridge {

/// returns  the compose project of a container, and whether `policy` names it as a hub
/// source   Compose labels its containers "com.docker.compose.project"
MemberMarks place_of(ContainerMarks const& marks, Policy const& policy);

}  // namespace drawbridge
