// Recorded conversations of real Docker engines: tests/transcripts/VERSION.jsonl, a call a line.
//
// The requests are the engines' own bytes. `accepted` tells whether the engine got a good answer
// then; `pool_id` and `address` are what it was answered, so that a replay can put ours in place.
#pragma once

#include <string>
#include <vector>

namespace drawbridge {

struct RecordedCall {
  std::string scenario;
  std::string path;
  std::string raw;
  bool accepted = false;
  std::string pool_id;
  std::string address;
};

/// Reads tests/transcripts/`version`.jsonl; ends the test run when it cannot.
std::vector<RecordedCall> read_transcript(std::string const& version);

}  // namespace drawbridge
