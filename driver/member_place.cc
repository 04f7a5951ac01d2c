#include "driver/member_place.h"

#include <algorithm>
#include <string>

namespace drawbridge {
namespace {

constexpr char const* project_label = "com.docker.compose.project";

bool has_label(ContainerMarks const& marks, Hub const& hub) {
  auto const label = marks.labels.find(hub.name);
  return label != marks.labels.end() && (!hub.value || *hub.value == label->second);
}

bool is_hub(std::vector<Hub> const& hubs, ContainerMarks const& marks, std::string const& project) {
  return std::any_of(hubs.begin(), hubs.end(), [&](Hub const& hub) {
    switch (hub.kind) {
      case Hub::Kind::container:
        return hub.name == marks.name;
      case Hub::Kind::project:
        return hub.name == project;
      case Hub::Kind::label:
        return has_label(marks, hub);
    }
    return false;
  });
}

}  // namespace

MemberMarks place_of(ContainerMarks const& marks, Policy const& policy) {
  MemberMarks place;
  place.container = marks.name;
  auto const project = marks.labels.find(project_label);
  place.project = project == marks.labels.end() ? "" : project->second;
  place.is_hub = is_hub(policy.hubs, marks, place.project);
  return place;
}

}  // namespace drawbridge
