#include "plugin/verb_replies.h"

#include <boost/json.hpp>

#include <utility>

namespace drawbridge {
namespace json = boost::json;

std::string encode_backup(BackupReply const& reply) {
  return json::serialize(
      json::object{{"file", reply.file}, {"bytes", reply.bytes}, {"state", reply.state}});
}

std::string encode_uninstall(UninstallReply const& reply) {
  json::array files;
  for (std::string const& file : reply.files) {
    files.emplace_back(file);
  }
  return json::serialize(json::object{{"links", reply.links},
                                      {"accept_rules", reply.accept_rules},
                                      {"files", std::move(files)},
                                      {"state_dir", reply.state_dir}});
}

std::string encode_check(CheckReply const& reply) {
  return json::serialize(
      json::object{{"file", reply.file}, {"good", reply.error.empty()}, {"error", reply.error}});
}

}  // namespace drawbridge
