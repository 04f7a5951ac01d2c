// Holds every #include against the layers of docs/ARCHITECTURE.md, and keeps each library behind
// the folders that own it.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::set<std::string>> const may_include = {
    {"base", {"base"}},
    {"model", {"model", "base"}},
    {"netlink", {"netlink", "model", "base"}},
    {"http", {"http", "base"}},
    {"docker", {"docker", "http", "model", "base"}},
    {"store", {"store", "model", "base"}},
    {"ipam", {"ipam", "store", "model", "base"}},
    {"ports", {"ports", "model", "base"}},
    {"driver", {"driver", "netlink", "ports", "store", "model", "base"}},
    {"attach", {"attach", "model", "base"}},
    {"plugin",
     {"plugin", "attach", "docker", "http", "driver", "ipam", "netlink", "ports", "store", "model",
      "base"}},
    {"cli",
     {"cli", "plugin", "docker", "http", "driver", "ipam", "netlink", "store", "model", "base"}},
};

/// How a library's headers begin, and the folders that may see them.
std::map<std::string, std::set<std::string>> const owners = {
    {"boost/", {"docker", "http", "plugin", "ports"}},
    {"boost/beast/", {"http", "plugin"}},
    {"CLI/", {"cli"}},
    {"spdlog/", {"base"}},
    {"sqlite3", {"store"}},
    {"libnftnl/", {"netlink"}},
    {"libmnl/", {"netlink"}},
    {"libnetfilter_conntrack/", {"netlink"}},
    {"netlink/", {"netlink"}},
    {"linux/", {"netlink", "ports"}},
    {"tl/", {"base"}},
};

struct Include {
  std::string path;
  bool is_ours;  // in quotes
};

std::vector<Include> includes_of(fs::path const& file) {
  std::string const directive = "#include ";
  std::vector<Include> includes;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(directive)) {
      bool const is_ours = line[directive.size()] == '"';
      std::size_t const begin = directive.size() + 1;
      includes.push_back({line.substr(begin, line.find_last_of("\">") - begin), is_ours});
    }
  }
  return includes;
}

void check_ours(std::string const& folder, fs::path const& file, Include const& include) {
  std::string const target = include.path.substr(0, include.path.find('/'));
  EXPECT_TRUE(may_include.at(folder).contains(target))
      << file.string() << " includes " << include.path;
}

void check_library(std::string const& folder, fs::path const& file, Include const& include) {
  for (auto const& [headers, folders] : owners) {
    if (include.path.starts_with(headers)) {
      EXPECT_TRUE(folders.contains(folder))
          << file.string() << " includes <" << include.path << ">";
    }
  }
}

TEST(Layering, NoFolderIncludesWhatIsAboveIt) {
  std::size_t files = 0;
  for (auto const& [folder, allowed] : may_include) {
    fs::path const top = fs::path(DRAWBRIDGE_SOURCE_DIR) / folder;
    for (auto const& entry : fs::recursive_directory_iterator(top)) {
      ++files;
      for (Include const& include : includes_of(entry.path())) {
        include.is_ours ? check_ours(folder, entry.path(), include)
                        : check_library(folder, entry.path(), include);
      }
    }
  }
  EXPECT_GT(files, 30u);
}

}  // namespace
}  // namespace drawbridge
