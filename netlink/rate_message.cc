#include "netlink/rate_message.h"

#include <netlink/errno.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <sys/socket.h>

namespace drawbridge::rate_message {
namespace {

constexpr std::uint32_t bucket_handle = 1U << 16;  // "1:"
constexpr std::uint32_t ingress_handle = TC_H_MAJ(TC_H_INGRESS);
constexpr std::uint32_t first_preference = 1U << 16;
// The first filter of the first table of u32, as the kernel would number it itself. A filter with
// a number can be replaced in one step.
constexpr std::uint32_t filter_handle = 0x80000800;

tcmsg header_for(std::uint32_t link, std::uint32_t parent, std::uint32_t handle = 0,
                 std::uint32_t info = 0) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = static_cast<int>(link);
  header.tcm_parent = parent;
  header.tcm_handle = handle;
  header.tcm_info = info;
  return header;
}

/// The old field ends at 34 Gbit/s; the attribute beside it does not.
std::uint32_t in_32_bits(std::uint64_t number) {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(number, largest));
}

tc_tbf_qopt options_of(Bucket const& bucket) {
  tc_tbf_qopt options{};
  options.rate.linklayer = TC_LINKLAYER_ETHERNET;  // else the kernel wants a table of times
  options.rate.rate = in_32_bits(bucket.bytes_per_second);
  options.limit = bucket.queue_bytes;
  return options;
}

/// returns  a selector with one key, of zeros: no bit of a packet's first word has to be anything
std::array<char, sizeof(tc_u32_sel) + sizeof(tc_u32_key)> match_all() {
  std::array<char, sizeof(tc_u32_sel) + sizeof(tc_u32_key)> bytes{};
  tc_u32_sel selector{};
  selector.flags = TC_U32_TERMINAL;
  selector.nkeys = 1;
  std::memcpy(bytes.data(), &selector, sizeof selector);
  return bytes;
}

void put_redirect(RouteMessage& message, std::uint32_t to) {
  tc_mirred redirect{};
  redirect.action = TC_ACT_STOLEN;
  redirect.eaction = TCA_EGRESS_REDIR;
  redirect.ifindex = to;
  message.put(TCA_ACT_KIND, std::string("mirred"));
  message.nest(TCA_ACT_OPTIONS, [&] { message.put_struct(TCA_MIRRED_PARMS, redirect); });
}

template <int max>
using Attributes = std::array<nlattr*, max + 1>;

template <int max>
Attributes<max> parse_nested(nlattr* attribute) {
  Attributes<max> attributes{};
  if (attribute != nullptr) {
    nla_parse_nested(attributes.data(), max, attribute, nullptr);
  }
  return attributes;
}

/// returns  the options of a qdisc, or of a filter, of this kind
nlattr* options_in(nlmsghdr* message, char const* kind) {
  Attributes<TCA_MAX> attributes{};
  nlmsg_parse(message, sizeof(tcmsg), attributes.data(), TCA_MAX, nullptr);
  bool const is_that_kind =
      attributes[TCA_KIND] != nullptr && nla_strcmp(attributes[TCA_KIND], kind) == 0;
  return is_that_kind ? attributes[TCA_OPTIONS] : nullptr;
}

/// A copy: attributes are aligned to four bytes, whatever they hold.
template <class Struct>
std::optional<Struct> struct_in(nlattr* attribute) {
  if (attribute == nullptr || nla_len(attribute) < static_cast<int>(sizeof(Struct))) {
    return std::nullopt;
  }
  Struct copy{};
  std::memcpy(&copy, nla_data(attribute), sizeof copy);
  return copy;
}

}  // namespace

RouteMessage set_bucket(std::uint32_t link, Bucket const& bucket) {
  RouteMessage message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE,
                       header_for(link, TC_H_ROOT, bucket_handle));
  message.put(TCA_KIND, std::string("tbf"));
  message.nest(TCA_OPTIONS, [&] {
    message.put_struct(TCA_TBF_PARMS, options_of(bucket));
    message.put_struct(TCA_TBF_RATE64, bucket.bytes_per_second);
    message.put(TCA_TBF_BURST, bucket.burst_bytes);
  });
  return message;
}

RouteMessage get_bucket(std::uint32_t link) {
  // Without the flag the kernel finds it and does not say so.
  return {RTM_GETQDISC, NLM_F_ECHO, header_for(link, TC_H_ROOT)};
}

RouteMessage remove_bucket(std::uint32_t link) {
  RouteMessage message(RTM_DELQDISC, 0, header_for(link, TC_H_ROOT));
  message.forgive(NLE_OBJ_NOTFOUND);
  return message;
}

RouteMessage add_ingress(std::uint32_t link) {
  RouteMessage message(RTM_NEWQDISC, NLM_F_CREATE, header_for(link, TC_H_INGRESS, ingress_handle));
  message.put(TCA_KIND, std::string("ingress"));
  return message;
}

RouteMessage remove_ingress(std::uint32_t link) {
  RouteMessage message(RTM_DELQDISC, 0, header_for(link, TC_H_INGRESS));
  message.forgive(NLE_OBJ_NOTFOUND);
  return message;
}

RouteMessage redirect_ingress(std::uint32_t link, std::uint32_t to) {
  RouteMessage message(
      RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE,
      header_for(link, ingress_handle, filter_handle, first_preference | htons(ETH_P_ALL)));
  message.put(TCA_KIND, std::string("u32"));
  message.nest(TCA_OPTIONS, [&] {
    message.put_struct(TCA_U32_SEL, match_all());
    message.nest(TCA_U32_ACT, [&] { message.nest(1, [&] { put_redirect(message, to); }); });
  });
  return message;
}

RouteMessage list_redirects(std::uint32_t link) {
  return {RTM_GETTFILTER, 0, header_for(link, ingress_handle)};
}

std::optional<std::uint64_t> parse_bucket(nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWQDISC) {
    return std::nullopt;
  }
  auto const attributes = parse_nested<TCA_TBF_MAX>(options_in(message, "tbf"));
  if (auto const rate = struct_in<std::uint64_t>(attributes[TCA_TBF_RATE64])) {
    return rate;
  }
  auto const options = struct_in<tc_tbf_qopt>(attributes[TCA_TBF_PARMS]);
  return options ? std::optional<std::uint64_t>(options->rate.rate) : std::nullopt;
}

std::optional<std::uint32_t> parse_redirect(nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWTFILTER) {
    return std::nullopt;
  }
  auto const filter = parse_nested<TCA_U32_MAX>(options_in(message, "u32"));
  auto const actions = parse_nested<1>(filter[TCA_U32_ACT]);
  auto const action = parse_nested<TCA_ACT_MAX>(actions[1]);
  auto const mirred = parse_nested<TCA_MIRRED_MAX>(action[TCA_ACT_OPTIONS]);
  auto const redirect = struct_in<tc_mirred>(mirred[TCA_MIRRED_PARMS]);
  return redirect ? std::optional<std::uint32_t>(redirect->ifindex) : std::nullopt;
}

}  // namespace drawbridge::rate_message
