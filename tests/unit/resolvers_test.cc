#include "netlink/resolvers.h"

#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace drawbridge {
namespace {

std::string text_of(std::set<IpAddress> const& addresses) {
  std::string out;
  for (IpAddress const& address : addresses) {
    out.append(out.empty() ? "" : " ").append(address.to_string());
  }
  return out;
}

std::string named(std::string_view resolv_conf) {
  return text_of(name_servers(resolv_conf));
}

void write(std::filesystem::path const& file, std::string const& text) {
  std::ofstream(file) << text;
}

TEST(NameServers, AreThoseOfTheLinesThatNameThem) {
  EXPECT_EQ(named(""), "");
  EXPECT_EQ(named("nameserver 192.0.2.53\n"), "192.0.2.53");
  EXPECT_EQ(named("search lan\nnameserver 192.0.2.53\nnameserver fd00::53"), "192.0.2.53 fd00::53");
  EXPECT_EQ(named("\tnameserver\t192.0.2.53  # ours\r\n"), "192.0.2.53");
  EXPECT_EQ(named("nameserver fe80::1%eth0\n"), "fe80::1");
  EXPECT_EQ(named("nameserver 127.0.0.53\n"), "127.0.0.53");
}

TEST(NameServers, PassOverWhatTheyCannotRead) {
  for (char const* text :
       {"# nameserver 192.0.2.53", ";nameserver 192.0.2.53", "nameserver", "nameserver dns.lan",
        "nameserver 192.0.2", "nameservers 192.0.2.53", "options nameserver 192.0.2.53"}) {
    EXPECT_EQ(named(text), "") << text;
  }
}

TEST(NameServers, OnALoopbackAreOutOfReach) {
  EXPECT_EQ(text_of(without_loopback(name_servers("nameserver 127.0.0.53\nnameserver ::1\n"
                                                  "nameserver 0.0.0.0\nnameserver 192.0.2.53\n"
                                                  "nameserver fd00::53\n"))),
            "192.0.2.53 fd00::53");
}

class ResolversTest : public testing::Test {
 protected:
  std::string current() { return text_of(resolvers_.current()); }

  TempDirectory folder_;
  std::filesystem::path resolv_conf_ = folder_ / "resolv.conf";
  std::filesystem::path behind_stub_ = folder_ / "behind.conf";
  Resolvers resolvers_{resolv_conf_, behind_stub_};
};

TEST_F(ResolversTest, FollowTheFileAsItComesChangesAndGoes) {
  EXPECT_EQ(current(), "");

  write(resolv_conf_, "nameserver 192.0.2.53\n");
  EXPECT_EQ(current(), "192.0.2.53");
  write(resolv_conf_, "nameserver 192.0.2.153\n");
  EXPECT_EQ(current(), "192.0.2.153");
  std::filesystem::remove(resolv_conf_);
  EXPECT_EQ(current(), "");
}

TEST_F(ResolversTest, FollowAnotherFileInItsPlace) {
  write(resolv_conf_, "nameserver 192.0.2.53\n");
  EXPECT_EQ(current(), "192.0.2.53");

  write(folder_ / "new", "nameserver 192.0.2.54\n");
  std::filesystem::last_write_time(folder_ / "new", std::filesystem::last_write_time(resolv_conf_));
  std::filesystem::rename(folder_ / "new", resolv_conf_);

  EXPECT_EQ(current(), "192.0.2.54");
}

TEST_F(ResolversTest, AreThoseBehindAStubOfThisHost) {
  write(resolv_conf_, "nameserver 127.0.0.53\n");
  write(behind_stub_, "nameserver 192.0.2.53\n");
  EXPECT_EQ(current(), "192.0.2.53");

  write(behind_stub_, "nameserver 192.0.2.53\nnameserver fd00::53\n");
  EXPECT_EQ(current(), "192.0.2.53 fd00::53");
}

TEST_F(ResolversTest, BesideALoopbackAreTheOthersOnly) {
  write(resolv_conf_, "nameserver 127.0.0.1\nnameserver 192.0.2.53\n");
  write(behind_stub_, "nameserver 192.0.2.54\n");

  EXPECT_EQ(current(), "192.0.2.53");
}

}  // namespace
}  // namespace drawbridge
