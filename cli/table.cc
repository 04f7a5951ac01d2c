#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

namespace drawbridge {
namespace {

void clean(TableRow& row) {
  for (std::string& cell : row) {
    cell = cell.empty() ? "-" : printable(std::move(cell));
  }
}

std::vector<std::size_t> widths_of(std::vector<TableRow> const& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (TableRow const& row : rows) {
    assert(row.size() == widths.size());
    std::transform(
        row.begin(), row.end(), widths.begin(), widths.begin(),
        [](std::string const& cell, std::size_t width) { return std::max(width, cell.size()); });
  }
  return widths;
}

std::string line_of(TableRow const& row, std::vector<std::size_t> const& widths) {
  std::string line;
  for (std::size_t i = 0; i + 1 < row.size(); ++i) {
    line += fmt::format("{:<{}}   ", row[i], widths[i]);
  }
  return line + row.back() + "\n";
}

}  // namespace

std::string table(TableRow titles, std::vector<TableRow> rows) {
  std::for_each(rows.begin(), rows.end(), clean);
  rows.insert(rows.begin(), std::move(titles));
  std::vector<std::size_t> const widths = widths_of(rows);
  std::string text;
  for (TableRow const& row : rows) {
    text += line_of(row, widths);
  }
  return text;
}

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return text;
}

std::string name_or_id(std::string const& name, std::string_view brief_id) {
  return name.empty() ? std::string(brief_id) : name;
}

std::string joined(std::vector<std::string> const& texts) {
  return fmt::format("{}", fmt::join(texts, ","));
}

}  // namespace drawbridge
