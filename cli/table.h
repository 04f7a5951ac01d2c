// Text in columns: what every list of the command line is printed as. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// A line of a table, a text for each column.
using TableRow = std::vector<std::string>;

/// Columns are as wide as their widest cell and three blanks apart; an empty cell is "-". Nothing
/// that a terminal would act on comes through.
///
/// rows     each has as many cells as there are titles
/// returns  a line of titles and one for each row
std::string table(TableRow titles, std::vector<TableRow> rows);

/// returns  the text with '?' for what a terminal would act on
std::string printable(std::string text);

/// returns  the name, or where none is known the beginning of the id
std::string name_or_id(std::string const& name, std::string_view brief_id);

/// returns  the texts with commas between
std::string joined(std::vector<std::string> const& texts);

}  // namespace drawbridge
