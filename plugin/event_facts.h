// Docker's events as facts about this host. Pure.
#pragma once

#include "attach/host_model.h"
#include "docker/events.h"

namespace drawbridge {

/// returns  whether the event says anything that attach/host_model.h wants to know
bool is_fact(DockerEvent const& event);

/// Tells the model. source: Docker Engine API v1.40, GET /events
void tell(HostModel& model, DockerEvent const& event);

}  // namespace drawbridge
