#include "http/body_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace drawbridge {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t max_chunk_line_bytes = 256;

/// returns  the number before any ";extension" of a chunk's first line, which ends in `line_end`
std::optional<std::uint64_t> chunk_size(std::string_view line) {
  std::uint64_t size = 0;
  auto const [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  std::string_view rest(end, static_cast<std::size_t>(line.data() + line.size() - end));
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  if (error != std::errc{} || (rest != line_end && !rest.starts_with(';'))) {
    return std::nullopt;
  }
  return size;
}

std::string above(ByteLimit const& limit) {
  return fmt::format("{} is larger than {} bytes", limit.name, limit.bytes);
}

}  // namespace

std::optional<std::string_view> take_through(std::string_view end, std::size_t limit,
                                             std::string_view& bytes, std::size_t& searched) {
  std::size_t const overlap = std::min(searched, end.size() - 1);
  std::size_t const found = bytes.substr(0, limit).find(end, searched - overlap);
  searched = found == std::string_view::npos ? std::min(bytes.size(), limit) : 0;
  if (found == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view const taken = bytes.substr(0, found + end.size());
  bytes.remove_prefix(taken.size());
  return taken;
}

BodyReader::BodyReader(BodyFraming framing, BodyLimits limits) : limits_(limits) {
  if (framing.length > limits.body.bytes) {
    refuse(413, above(limits.body));
  } else if (framing.kind == BodyFraming::Kind::length) {
    missing_ = static_cast<std::size_t>(framing.length);
  } else if (framing.kind == BodyFraming::Kind::chunked) {
    part_ = Part::chunk_line;
  } else if (framing.kind == BodyFraming::Kind::to_end) {
    part_ = Part::to_end;
  }
}

std::optional<BodyError> BodyReader::read(std::string_view& unread) {
  while (!error_ && read_part(unread)) {
  }
  return error_;
}

void BodyReader::end() {
  if (part_ == Part::to_end && !error_) {
    part_ = Part::nothing;
  }
}

/// returns  true when a part was taken and the next may be there already
bool BodyReader::read_part(std::string_view& unread) {
  switch (part_) {
    case Part::data:
    case Part::chunk:
      return read_data(unread);
    case Part::to_end:
      return read_to_end(unread);
    case Part::chunk_line:
      return read_chunk_line(unread);
    case Part::chunk_end:
      return read_chunk_end(unread);
    case Part::trailer:
      return read_trailer(unread);
    case Part::nothing:
      break;
  }
  return false;
}

bool BodyReader::read_data(std::string_view& unread) {
  std::size_t const size = std::min(missing_, unread.size());
  body_ += unread.substr(0, size);
  unread.remove_prefix(size);
  missing_ -= size;
  if (missing_ > 0) {
    return false;
  }
  part_ = part_ == Part::chunk ? Part::chunk_end : Part::nothing;
  return true;
}

bool BodyReader::read_to_end(std::string_view& unread) {
  if (unread.size() > limits_.body.bytes - body_.size()) {
    return refuse(413, above(limits_.body));
  }
  body_ += std::exchange(unread, {});
  return false;
}

bool BodyReader::read_chunk_line(std::string_view& unread) {
  std::optional<std::string_view> const line =
      take_through(line_end, max_chunk_line_bytes, unread, searched_);
  if (!line) {
    return unread.size() >= max_chunk_line_bytes && refuse(400, "bad chunk: its line is too long");
  }
  std::optional<std::uint64_t> const size = chunk_size(*line);
  if (!size) {
    return refuse(400, "bad chunk: it does not begin with its size");
  }
  if (*size > limits_.body.bytes - body_.size()) {
    return refuse(413, above(limits_.body));
  }
  missing_ = static_cast<std::size_t>(*size);
  part_ = missing_ == 0 ? Part::trailer : Part::chunk;
  return true;
}

bool BodyReader::read_chunk_end(std::string_view& unread) {
  if (!line_end.starts_with(unread.substr(0, line_end.size()))) {
    return refuse(400, "bad chunk: it is longer than its size");
  }
  if (unread.size() < line_end.size()) {
    return false;
  }
  unread.remove_prefix(line_end.size());
  part_ = Part::chunk_line;
  return true;
}

/// Trailers carry nothing for us; they are counted and dropped.
bool BodyReader::read_trailer(std::string_view& unread) {
  std::size_t const limit = limits_.trailer.bytes - trailer_bytes_;
  std::optional<std::string_view> const line = take_through(line_end, limit, unread, searched_);
  if (!line) {
    return unread.size() >= limit && refuse(431, above(limits_.trailer));
  }
  trailer_bytes_ += line->size();
  part_ = line->size() == line_end.size() ? Part::nothing : Part::trailer;
  return true;
}

/// returns  false: nothing more is read
bool BodyReader::refuse(int status, std::string reason) {
  error_ = BodyError{status, std::move(reason)};
  return false;
}

}  // namespace drawbridge
