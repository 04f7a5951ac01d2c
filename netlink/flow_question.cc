#include "netlink/flow_question.h"

#include <netinet/in.h>

namespace drawbridge {
namespace {

std::vector<Family> families_of(FlowPattern const& pattern) {
  if (pattern.party) {
    return {pattern.party->family};
  }
  if (pattern.end) {
    return {pattern.end->family};
  }
  if (pattern.destination) {
    return {pattern.destination->family};
  }
  return {Family::ipv4, Family::ipv6};
}

/// The kernel compares ports of these two only.
std::optional<std::uint16_t> port_of(FlowPattern const& pattern) {
  bool const is_compared = pattern.protocol == IPPROTO_TCP || pattern.protocol == IPPROTO_UDP;
  std::optional<PortRange> const ports = pattern.destination_ports;
  bool const is_one = ports && ports->first == ports->last;
  return is_compared && is_one ? std::optional(ports->first) : std::nullopt;
}

/// What the pattern asks of this family but for its party and its end.
FlowQuestion common_part(FlowPattern const& pattern, Family family) {
  FlowQuestion question;
  question.family = family;
  question.protocol = pattern.protocol;
  question.destination_port = port_of(pattern);
  if (family == Family::ipv4 && pattern.destination && pattern.destination->family == family) {
    question.destination = pattern.destination;
  }
  return question;
}

void add_questions(FlowPattern const& pattern, Family family, std::set<FlowQuestion>& questions) {
  FlowQuestion question = common_part(pattern, family);
  if (pattern.end && family == Family::ipv4) {
    question.reply_source = pattern.end;
    questions.insert(question);
    return;
  }
  if (!pattern.party || family == Family::ipv6) {
    questions.insert(question);
    return;
  }
  question.source = pattern.party;
  questions.insert(question);
  question.source.reset();
  question.reply_source = pattern.party;
  questions.insert(question);
}

}  // namespace

std::set<FlowQuestion> questions_of(std::vector<FlowPattern> const& patterns) {
  std::set<FlowQuestion> questions;
  for (FlowPattern const& pattern : patterns) {
    for (Family const family : families_of(pattern)) {
      add_questions(pattern, family, questions);
    }
  }
  return questions;
}

bool questions_pay(std::size_t questions, std::size_t entries) {
  // Microseconds: an empty table, and what a thousand entries add to a walk and to a look.
  constexpr std::size_t walk = 9000;
  constexpr std::size_t compared = 250;
  constexpr std::size_t listed = 3200;
  return questions * (walk + entries * compared / 1000) < walk + entries * listed / 1000;
}

}  // namespace drawbridge
