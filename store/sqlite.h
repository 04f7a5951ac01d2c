// SQLite as Results: a database, its prepared statements, a transaction that ends by itself.
//
// Only store/ includes this. Statements are prepared once and kept; a failed one leaves nothing
// half done and can be run again. source: https://www.sqlite.org/c3ref/intro.html
#pragma once

#include "base/handle.h"
#include "base/result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

struct sqlite3;
struct sqlite3_stmt;

namespace drawbridge {

/// returns  what went wrong last in `database`, with the remedy where there is one; `code` is what
///          the call gave back
Error sqlite_error(sqlite3* database, int code);

void close_database(sqlite3* database);
void finalize_statement(sqlite3_stmt* statement);

/// What a statement's ?1, ?2 … stand for. Text is read during the call only.
using SqlValue = std::variant<std::monostate, std::int64_t, std::string_view>;

/// One row of an answer, valid inside the visit. Columns count from 0.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}

  std::int64_t number(int column) const;
  std::string text(int column) const;
  /// returns  nothing for null
  std::optional<std::string> text_or_null(int column) const;

 private:
  sqlite3_stmt* statement_;
};

using Visit = std::function<Result<void>(Row const&)>;

class Statement {
 public:
  static Result<Statement> prepare(sqlite3* database, std::string_view sql);

  /// Binds the values, visits the rows until there are no more or one visit fails, and is ready to
  /// run again.
  Result<void> run(std::initializer_list<SqlValue> values, Visit const& visit);

 private:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Result<void> step_to_end(Visit const& visit);

  Handle<sqlite3_stmt, finalize_statement> statement_;
};

class Database {
 public:
  /// Opens or creates the file with mode 0600.
  ///
  /// errors of all  store   not a database, not readable, disk full, …; the text has the file
  static Result<Database> open(std::filesystem::path const& file);

  /// Runs statements that take and give no values, one after the other.
  Result<void> execute(char const* script);

  /// sql  one statement; a literal, kept prepared
  Result<void> run(std::string_view sql, std::initializer_list<SqlValue> values);
  Result<void> each(std::string_view sql, std::initializer_list<SqlValue> values,
                    Visit const& visit);

  /// returns  the first column of the only row
  Result<std::int64_t> number(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  /// returns  the bytes of the file as it would be with its log written into it
  /// errors   store   also while a transaction is open
  Result<std::string> copy();

  void roll_back();
  std::filesystem::path const& file() const { return file_; }

  /// returns  true when SQLite said that this is no database, or a damaged one
  bool is_unreadable() const;
  /// The same once the file passed for one of ours: it lacks what it must have, or SQLite never
  /// said no, so that whoever found a fault found it in the rows.
  bool is_to_blame() const;

  /// With true, as after open(), the file and its log stay as they are when it is closed; with
  /// false the log goes into the file then.
  void leave_alone(bool leave);

 private:
  Database(std::filesystem::path file, sqlite3* database);
  Result<void> copy_into(sqlite3* other);
  Error failed(Error const& error);

  std::filesystem::path file_;
  int first_failure_ = 0;  // SQLite's code
  Handle<sqlite3, close_database> database_;
  std::map<std::string_view, Statement> statements_;  // finalized before the database is closed
};

void roll_back(Database* database);

/// All or nothing: rolled back unless commit() succeeds. database outlives the object.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);

  Result<void> commit();

 private:
  explicit Transaction(Database& database) : open_(&database) {}

  Handle<Database, roll_back> open_;
};

}  // namespace drawbridge
