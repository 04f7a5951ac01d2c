// The program: runs the verb that the command line names. The daemon itself is plugin/daemon.h.

#include "cli/backup.h"
#include "cli/options.h"
#include "cli/uninstall.h"
#include "cli/verbs.h"
#include "plugin/daemon.h"
#include "plugin/verb_replies.h"

#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>

namespace drawbridge {
namespace {

int failed(Error const& error) {
  fmt::print(stderr, "drawbridge: {}\n", error.message);
  return 1;
}

/// A copy of the state is bytes, not text.
int print(Outcome const& outcome) {
  bool const is_out =
      std::fwrite(outcome.text.data(), 1, outcome.text.size(), stdout) == outcome.text.size() &&
      std::fflush(stdout) == 0;
  return is_out ? outcome.exit_code
                : failed({Errc::kernel, "standard output does not take what is to be printed"});
}

int run(ExitCommand const& command) {
  return command.code;
}

Result<Config> read_existing(std::filesystem::path const& file) {
  if (!std::filesystem::exists(file)) {
    return fail(Errc::not_found, fmt::format("{}: no such file", file.string()));
  }
  return read_config(file);
}

int run(CheckCommand const& command) {
  Result<Config> const config = read_existing(command.config);
  std::string const file = command.config.string();
  if (command.as_json) {
    return print(
        {encode_check({file, config ? "" : config.error().message}) + "\n", config ? 0 : 1});
  }
  return config ? print({fmt::format("{}: good\n", file)}) : failed(config.error());
}

int run(ServeCommand const& command) {
  Result<std::unique_ptr<Daemon>> const daemon = Daemon::open(command);
  if (!daemon) {
    return failed(daemon.error());
  }
  (*daemon)->run();
  return 0;
}

/// All other verbs print what they come to.
template <class Verb>
int run(Verb const& command) {
  Result<Outcome> const outcome = run_verb(command);
  return outcome ? print(*outcome) : failed(outcome.error());
}

}  // namespace
}  // namespace drawbridge

int main(int argc, char** argv) {
  using namespace drawbridge;
  try {
    return std::visit([](auto const& command) { return run(command); },
                      parse_command_line(argc, argv));
  } catch (std::exception const& error) {
    // What libraries throw at start, such as a thread that cannot be made.
    fmt::print(stderr, "drawbridge: {}\n", error.what());
    return 1;
  }
}
