#include "ports/socket_filter.h"

#include <algorithm>
#include <iterator>

namespace drawbridge {
namespace {

// Where the network header begins, whatever protocol the socket speaks.
constexpr auto network_header = static_cast<std::uint32_t>(SKF_NET_OFF);
constexpr std::uint32_t source4 = network_header + 12;  // RFC 791
constexpr std::uint32_t source6 = network_header + 8;   // RFC 8200
constexpr std::uint32_t all_bytes = 0xffffffff;
constexpr int word_bits = 32;

sock_filter step(int code, std::uint32_t k) {
  return {static_cast<std::uint16_t>(code), 0, 0, k};
}

sock_filter pass() {
  return step(BPF_RET | BPF_K, all_bytes);
}

sock_filter drop() {
  return step(BPF_RET | BPF_K, 0);
}

/// Goes on behind the next `otherwise` steps where the accumulator is not `value`.
sock_filter expect(std::uint32_t value, std::size_t otherwise) {
  sock_filter jump = step(BPF_JMP | BPF_JEQ | BPF_K, value);
  jump.jf = static_cast<std::uint8_t>(otherwise);
  return jump;
}

/// returns  word `index` of the address, the first being 0
std::uint32_t word_of(IpAddress const& address, int index) {
  int const below = bits_of(address.family) - word_bits * (index + 1);
  return static_cast<std::uint32_t>(address.bits >> below);
}

/// The words of the address lie in the scratch memory.
SocketFilter test_of(IpPrefix const& prefix) {
  SocketFilter steps{pass()};
  for (int index = (prefix.length - 1) / word_bits; index >= 0; --index) {
    int const bits = std::min(word_bits, prefix.length - word_bits * index);
    SocketFilter test{step(BPF_LD | BPF_MEM, static_cast<std::uint32_t>(index))};
    if (bits < word_bits) {
      test.push_back(step(BPF_ALU | BPF_AND | BPF_K, all_bytes << (word_bits - bits)));
    }
    test.push_back(expect(word_of(prefix.first(), index), steps.size()));
    steps.insert(steps.begin(), test.begin(), test.end());
  }
  return steps;
}

void append(SocketFilter& filter, SocketFilter const& more) {
  filter.insert(filter.end(), more.begin(), more.end());
}

/// returns  what is done with packets of this family
SocketFilter block_of(Family family, std::vector<IpPrefix> const& passing, std::size_t most) {
  std::vector<IpPrefix> own;
  std::copy_if(passing.begin(), passing.end(), std::back_inserter(own),
               [&](IpPrefix const& each) { return each.family() == family; });
  bool const has_all =
      std::any_of(own.begin(), own.end(), [](IpPrefix const& each) { return each.length == 0; });
  if (own.empty() || has_all || own.size() > most) {
    return {own.empty() ? drop() : pass()};
  }
  SocketFilter block;
  std::uint32_t const source = family == Family::ipv4 ? source4 : source6;
  for (std::uint32_t index = 0; index < static_cast<std::uint32_t>(bits_of(family) / word_bits);
       ++index) {
    block.push_back(step(BPF_LD | BPF_W | BPF_ABS, source + 4 * index));
    block.push_back(step(BPF_ST, index));
  }
  for (IpPrefix const& prefix : own) {
    append(block, test_of(prefix));
  }
  block.push_back(drop());
  return block;
}

bpf_insn instruction(int code, std::uint32_t immediate, std::ptrdiff_t offset = 0) {
  bpf_insn made{};
  made.code = static_cast<std::uint8_t>(code);
  made.off = static_cast<std::int16_t>(offset);
  made.imm = static_cast<std::int32_t>(immediate);
  return made;
}

/// The scratch memory is on the stack, below register 10.
bpf_insn memory_access(int code, std::uint32_t slot) {
  bpf_insn made = instruction(code, 0, -4 * (static_cast<std::ptrdiff_t>(slot) + 1));
  bool const stores = BPF_CLASS(code) == BPF_STX;
  made.dst_reg = stores ? BPF_REG_10 : BPF_REG_0;
  made.src_reg = stores ? BPF_REG_0 : BPF_REG_10;
  return made;
}

bool is_return(sock_filter const& step) {
  return BPF_CLASS(step.code) == BPF_RET;
}

/// returns  by how many instructions of the extended program `steps` are jumped over
std::ptrdiff_t length_of(SocketFilter const& filter, std::size_t first, std::size_t steps) {
  auto const begin = filter.begin() + static_cast<std::ptrdiff_t>(first);
  auto const end = begin + static_cast<std::ptrdiff_t>(steps);
  return std::count_if(begin, end, is_return) + static_cast<std::ptrdiff_t>(steps);
}

}  // namespace

SocketFilter filter_of(std::vector<IpPrefix> const& passing, std::size_t most) {
  if (passing.empty()) {
    return {drop()};
  }
  SocketFilter const ipv4 = block_of(Family::ipv4, passing, most);
  SocketFilter const ipv6 = block_of(Family::ipv6, passing, most);
  auto const ipv4_size = static_cast<std::uint32_t>(ipv4.size());
  SocketFilter filter{step(BPF_LD | BPF_B | BPF_ABS, network_header),
                      step(BPF_ALU | BPF_RSH | BPF_K, 4),  // leaves the version
                      expect(4, 1),
                      step(BPF_JMP | BPF_JA, 3),
                      expect(6, 1),
                      step(BPF_JMP | BPF_JA, 1 + ipv4_size),
                      drop()};
  append(filter, ipv4);
  append(filter, ipv6);
  return filter;
}

std::vector<bpf_insn> extended(SocketFilter const& filter) {
  std::vector<bpf_insn> program{instruction(BPF_ALU64 | BPF_MOV | BPF_X, 0)};
  program[0].dst_reg = BPF_REG_6;  // where loads from the packet expect it
  program[0].src_reg = BPF_REG_1;
  for (std::size_t at = 0; at < filter.size(); ++at) {
    sock_filter const& each = filter[at];
    if (is_return(each)) {
      program.push_back(instruction(BPF_ALU | BPF_MOV | BPF_K, each.k));
      program.push_back(instruction(BPF_JMP | BPF_EXIT, 0));
    } else if (each.code == BPF_ST) {
      program.push_back(memory_access(BPF_STX | BPF_MEM | BPF_W, each.k));
    } else if (each.code == (BPF_LD | BPF_MEM)) {
      program.push_back(memory_access(BPF_LDX | BPF_MEM | BPF_W, each.k));
    } else if (each.code == (BPF_JMP | BPF_JA)) {
      program.push_back(instruction(BPF_JMP | BPF_JA, 0, length_of(filter, at + 1, each.k)));
    } else if (BPF_CLASS(each.code) == BPF_JMP) {
      program.push_back(
          instruction(BPF_JMP32 | BPF_JNE | BPF_K, each.k, length_of(filter, at + 1, each.jf)));
    } else {
      program.push_back(instruction(each.code, each.k));  // the same in both
    }
  }
  return program;
}

}  // namespace drawbridge
