#include "firebreak/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "firebreak/base/json.h"

namespace firebreak {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

bool IsPlain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' || c == 0x7f) return false;
  }
  return true;
}

// Values are quoted unless plain, so that no value can forge a second line or field.
std::string HumanLine(std::string_view event, std::initializer_list<LogField> fields) {
  std::string line(event);
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).append("=");
    line.append(IsPlain(value) ? value : QuoteJson(value));
  }
  return line;
}

std::string JsonMembers(std::string_view event, std::initializer_list<LogField> fields) {
  std::string members = "\"event\":" + QuoteJson(event);
  for (const auto& [name, value] : fields) {
    members.append(",").append(QuoteJson(name)).append(":").append(QuoteJson(value));
  }
  return members;
}

class SpdlogLog final : public Log {
 public:
  SpdlogLog(LogFormat format, LogLevel at_least)
      : format_(format), logger_("firebreak", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    const std::string pattern = format == LogFormat::kHuman ? "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v"
                                                            : "{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",\"level\":\"%l\",%v}";
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
    logger_.set_level(ToSpdlog(at_least));
    logger_.flush_on(spdlog::level::debug);
  }

  void Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override {
    if (!logger_.should_log(ToSpdlog(level))) return;
    const std::string text = format_ == LogFormat::kHuman ? HumanLine(event, fields) : JsonMembers(event, fields);
    logger_.log(ToSpdlog(level), spdlog::string_view_t(text.data(), text.size()));
  }

 private:
  const LogFormat format_;
  spdlog::logger logger_;  // own synchronisation
};

class SilentLog final : public Log {
 public:
  void Write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

}  // namespace

std::unique_ptr<Log> Log::ToStderr(LogFormat format, LogLevel at_least) {
  return std::make_unique<SpdlogLog>(format, at_least);
}

std::unique_ptr<Log> Log::Silent() { return std::make_unique<SilentLog>(); }

}  // namespace firebreak
