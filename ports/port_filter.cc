#include "ports/port_filter.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace drawbridge {
namespace {

/// So many are no dearer with a program for each.
constexpr std::size_t few_sockets = 4;

/// returns  none where this process may not, or the kernel cannot
FileDescriptor load(SocketFilter const& filter) {
  std::vector<bpf_insn> const program = extended(filter);
  bpf_attr request{};
  request.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  request.insn_cnt = static_cast<std::uint32_t>(program.size());
  request.insns = reinterpret_cast<std::uintptr_t>(program.data());
  request.license = reinterpret_cast<std::uintptr_t>("");
  return FileDescriptor(
      static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &request, sizeof request)));
}

bool attach_classic(int socket, SocketFilter filter) {
  sock_fprog const program{static_cast<unsigned short>(filter.size()), filter.data()};
  return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

}  // namespace

PortFilter::PortFilter(std::vector<IpPrefix> const& passing, std::size_t sockets)
    : passing_(passing),
      filter_(filter_of(passing)),
      program_(sockets > few_sockets ? load(filter_) : FileDescriptor()) {}

Result<void> PortFilter::attach(int socket) const {
  int const program = program_.get();
  bool const shared = program_.is_open() && ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF,
                                                         &program, sizeof program) == 0;
  // The kernel charges what is attached to the socket (net.core.optmem_max): the shorter may fit.
  if (shared || attach_classic(socket, filter_) || attach_classic(socket, filter_of(passing_, 0))) {
    return {};
  }
  return fail(Errc::kernel, fmt::format("attach a socket filter: {}", std::strerror(errno)));
}

}  // namespace drawbridge
