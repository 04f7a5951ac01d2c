#include "plugin/event_facts.h"

#include <array>
#include <string_view>

namespace drawbridge {
namespace {

using Tell = void (*)(HostModel&, DockerEvent const&);

struct Fact {
  DockerEvent::Kind kind;
  std::string_view action;
  Tell tell;
};

ContainerId container_of(DockerEvent const& event) {
  return {event.kind == DockerEvent::Kind::container ? event.id : event.container};
}

/// Paused counts as running, so those events say nothing.
constexpr std::array<Fact, 9> facts = {{
    {DockerEvent::Kind::container, "create",
     [](HostModel& model, DockerEvent const& event) {
       model.created(container_of(event), event.name, event.labels);
     }},
    {DockerEvent::Kind::container, "start",
     [](HostModel& model, DockerEvent const& event) { model.started(container_of(event)); }},
    {DockerEvent::Kind::container, "die",
     [](HostModel& model, DockerEvent const& event) { model.died(container_of(event)); }},
    {DockerEvent::Kind::container, "destroy",
     [](HostModel& model, DockerEvent const& event) { model.destroyed(container_of(event)); }},
    {DockerEvent::Kind::container, "rename",
     [](HostModel& model, DockerEvent const& event) {
       model.renamed(container_of(event), event.name);
     }},
    {DockerEvent::Kind::network, "create",
     [](HostModel& model, DockerEvent const& event) { model.network_appeared({event.id}); }},
    {DockerEvent::Kind::network, "destroy",
     [](HostModel& model, DockerEvent const& event) { model.network_gone({event.id}); }},
    {DockerEvent::Kind::network, "connect",
     [](HostModel& model, DockerEvent const& event) {
       model.connected({event.id}, container_of(event));
     }},
    {DockerEvent::Kind::network, "disconnect",
     [](HostModel& model, DockerEvent const& event) {
       model.disconnected({event.id}, container_of(event));
     }},
}};

Fact const* fact_of(DockerEvent const& event) {
  for (Fact const& fact : facts) {
    if (fact.kind == event.kind && fact.action == event.action) {
      return &fact;
    }
  }
  return nullptr;
}

}  // namespace

bool is_fact(DockerEvent const& event) {
  return fact_of(event) != nullptr;
}

void tell(HostModel& model, DockerEvent const& event) {
  if (Fact const* const fact = fact_of(event)) {
    fact->tell(model, event);
  }
}

}  // namespace drawbridge
