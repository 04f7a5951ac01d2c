#include "store/sqlite.h"

#include "base/file_descriptor.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace drawbridge {
namespace {

std::string text_of_errno(int number) {
  return std::generic_category().message(number);
}

/// SQLite would make the file readable by everybody; its log takes the mode that it finds here.
Result<void> create_private(std::filesystem::path const& file) {
  FileDescriptor const created(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!created.is_open() || ::fchmod(created.get(), 0600) != 0) {
    return fail(Errc::store, fmt::format("state file {}: {}", file.string(), text_of_errno(errno)));
  }
  return {};
}

int bind_value(sqlite3_stmt* statement, int index, SqlValue const& value) {
  if (auto const* const number = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  if (auto const* const text = std::get_if<std::string_view>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  return sqlite3_bind_null(statement, index);
}

void free_bytes(unsigned char* bytes) {
  sqlite3_free(bytes);
}

}  // namespace

Error sqlite_error(sqlite3* database, int code) {
  std::string const system = text_of_errno(sqlite3_system_errno(database));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {Errc::store, "the disk is full: free some space and try again"};
    case SQLITE_NOTADB:
      return {Errc::store, "not a database: the next start begins a new one, or restore a backup"};
    case SQLITE_CORRUPT:
      return {Errc::store, "damaged: the next start begins a new one, or restore a backup"};
    case SQLITE_READONLY:
      return {Errc::store, "not writable: check its mode, its owner and the file system"};
    case SQLITE_CANTOPEN:
      return {Errc::store, "cannot be opened: " + system};
    case SQLITE_IOERR:
      return {Errc::store, "cannot be read or written: " + system};
    case SQLITE_BUSY:
      return {Errc::store, "locked by another program: close what has it open"};
    default:
      return {Errc::store, sqlite3_errmsg(database)};
  }
}

void close_database(sqlite3* database) {
  sqlite3_close(database);
}
void finalize_statement(sqlite3_stmt* statement) {
  sqlite3_finalize(statement);
}
void roll_back(Database* database) {
  database->roll_back();
}

std::int64_t Row::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Row::text(int column) const {
  return text_or_null(column).value_or("");
}

std::optional<std::string> Row::text_or_null(int column) const {
  void const* const bytes = sqlite3_column_blob(statement_, column);
  auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) {
    return std::nullopt;
  }
  return std::string(static_cast<char const*>(bytes), size);
}

Result<Statement> Statement::prepare(sqlite3* database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  int const code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) {
    return fail(sqlite_error(database, code));
  }
  return Statement(statement);
}

Result<void> Statement::run(std::initializer_list<SqlValue> values, Visit const& visit) {
  int index = 0;
  for (SqlValue const& value : values) {
    if (int const code = bind_value(statement_.get(), ++index, value); code != SQLITE_OK) {
      return fail(sqlite_error(sqlite3_db_handle(statement_.get()), code));
    }
  }
  Result<void> outcome = step_to_end(visit);
  // A statement that failed holds its locks until it is reset; bound text is the caller's.
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  return outcome;
}

Result<void> Statement::step_to_end(Visit const& visit) {
  int code = sqlite3_step(statement_.get());
  while (code == SQLITE_ROW) {
    if (Result<void> visited = visit(Row(statement_.get())); !visited) {
      return visited;
    }
    code = sqlite3_step(statement_.get());
  }
  if (code != SQLITE_DONE) {
    return fail(sqlite_error(sqlite3_db_handle(statement_.get()), code));
  }
  return {};
}

Database::Database(std::filesystem::path file, sqlite3* database)
    : file_(std::move(file)), database_(database) {}

Result<Database> Database::open(std::filesystem::path const& file) {
  if (Result<void> const created = create_private(file); !created) {
    return fail(created.error());
  }
  sqlite3* opened = nullptr;
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  int const code = sqlite3_open_v2(file.c_str(), &opened, flags, nullptr);
  Database database(file, opened);
  if (code != SQLITE_OK) {
    return fail(database.failed(sqlite_error(opened, code)));
  }
  database.leave_alone(true);
  // Somebody may look at the file with the sqlite3 shell: wait for him, but not for long.
  sqlite3_busy_timeout(opened, 200);
  return database;
}

Result<void> Database::execute(char const* script) {
  int const code = sqlite3_exec(database_.get(), script, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return fail(failed(sqlite_error(database_.get(), code)));
  }
  return {};
}

Result<void> Database::run(std::string_view sql, std::initializer_list<SqlValue> values) {
  return each(sql, values, [](Row const&) { return Result<void>{}; });
}

Result<void> Database::each(std::string_view sql, std::initializer_list<SqlValue> values,
                            Visit const& visit) {
  auto known = statements_.find(sql);
  if (known == statements_.end()) {
    Result<Statement> prepared = Statement::prepare(database_.get(), sql);
    if (!prepared) {
      return fail(failed(prepared.error()));
    }
    known = statements_.emplace(sql, std::move(*prepared)).first;
  }
  Result<void> const done = known->second.run(values, visit);
  return done ? Result<void>{} : fail(failed(done.error()));
}

Result<std::int64_t> Database::number(std::string_view sql) {
  std::int64_t number = 0;
  Result<void> const read = each(sql, {}, [&](Row const& row) {
    number = row.number(0);
    return Result<void>{};
  });
  return read ? Result<std::int64_t>(number) : fail(read.error());
}

Result<std::string> Database::text(std::string_view sql) {
  std::string text;
  Result<void> const read = each(sql, {}, [&](Row const& row) {
    text = row.text(0);
    return Result<void>{};
  });
  return read ? Result<std::string>(text) : fail(read.error());
}

Result<std::string> Database::copy() {
  sqlite3* opened = nullptr;
  int const code = sqlite3_open(":memory:", &opened);
  Handle<sqlite3, close_database> const memory(opened);
  if (code != SQLITE_OK) {
    return fail(failed(sqlite_error(opened, code)));
  }
  if (Result<void> const copied = copy_into(opened); !copied) {
    return fail(copied.error());
  }
  sqlite3_int64 size = 0;
  // Not of the file: this call takes a page that cannot be read for zeros.
  Handle<unsigned char, free_bytes> const bytes(sqlite3_serialize(opened, "main", &size, 0));
  if (bytes == nullptr) {
    return fail(failed({Errc::store, "no memory for a copy"}));
  }
  return std::string(reinterpret_cast<char const*>(bytes.get()), static_cast<std::size_t>(size));
}

/// source  https://www.sqlite.org/c3ref/backup_finish.html
Result<void> Database::copy_into(sqlite3* other) {
  sqlite3_backup* const backup = sqlite3_backup_init(other, "main", database_.get(), "main");
  if (backup == nullptr) {
    return fail(failed(sqlite_error(other, sqlite3_errcode(other))));
  }
  int const code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  return code == SQLITE_DONE ? Result<void>() : fail(failed(sqlite_error(other, code)));
}

void Database::roll_back() {
  // SQLite itself rolls back after some errors; then there is nothing left to end.
  if (sqlite3_get_autocommit(database_.get()) == 0) {
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

bool Database::is_unreadable() const {
  return first_failure_ == SQLITE_NOTADB || first_failure_ == SQLITE_CORRUPT;
}

bool Database::is_to_blame() const {
  return is_unreadable() || first_failure_ == SQLITE_OK || first_failure_ == SQLITE_ERROR;
}

void Database::leave_alone(bool leave) {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave ? 1 : 0, nullptr);
}

/// returns  the error, with the file in front
Error Database::failed(Error const& error) {
  int const code = sqlite3_errcode(database_.get()) & 0xff;
  if (first_failure_ == SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) {
    first_failure_ = code;
  }
  return error.within("state file " + file_.string());
}

Result<Transaction> Transaction::begin(Database& database) {
  if (Result<void> const begun = database.run("BEGIN IMMEDIATE", {}); !begun) {
    return fail(begun.error());
  }
  return Transaction(database);
}

Result<void> Transaction::commit() {
  Result<void> committed = open_->run("COMMIT", {});
  if (committed) {
    static_cast<void>(open_.release());
  }
  return committed;
}

}  // namespace drawbridge
