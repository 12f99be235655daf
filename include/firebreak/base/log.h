// Structured logging behind our own front. One Log is made in main and handed down; there is no global logger.
#ifndef FIREBREAK_BASE_LOG_H_
#define FIREBREAK_BASE_LOG_H_

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace firebreak {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kHuman, kJsonLines };

using LogField = std::pair<std::string_view, std::string>;

// Thread-safe; does not block on the disk for longer than one line. Outlives everything it is given to.
// Secrets are never passed as fields.
class Log {
 public:
  // Writes to stderr.
  static std::unique_ptr<Log> ToStderr(LogFormat format, LogLevel at_least);
  // Drops everything; for tests.
  static std::unique_ptr<Log> Silent();

  virtual ~Log() = default;
  virtual void Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) = 0;

  void Debug(std::string_view event, std::initializer_list<LogField> fields = {}) { Write(LogLevel::kDebug, event, fields); }
  void Info(std::string_view event, std::initializer_list<LogField> fields = {}) { Write(LogLevel::kInfo, event, fields); }
  void Warning(std::string_view event, std::initializer_list<LogField> fields = {}) { Write(LogLevel::kWarning, event, fields); }
  void Error(std::string_view event, std::initializer_list<LogField> fields = {}) { Write(LogLevel::kError, event, fields); }
};

}  // namespace firebreak

#endif  // FIREBREAK_BASE_LOG_H_
