#include "firebreak/metrics/metrics.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "firebreak/base/check.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

std::string Escape(std::string_view text, bool quotes) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string FormatNumber(double value) {
  if (value == static_cast<double>(static_cast<int64_t>(value)) && value > -1e15 && value < 1e15) {
    return StrCat(static_cast<int64_t>(value));
  }
  return absl::StrFormat("%.9g", value);
}

// {a="x",b="y"}, or nothing when there are no labels. `extra` is a ready pair such as le="0.5".
std::string LabelText(const std::vector<std::string>& names, const std::vector<std::string>& values,
                      std::string_view extra = "") {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    StrAppend(&out, out.empty() ? "" : ",", names[i], "=\"", Escape(values[i], true), "\"");
  }
  if (!extra.empty()) StrAppend(&out, out.empty() ? "" : ",", extra);
  return out.empty() ? out : StrCat("{", out, "}");
}

void AppendHistogram(std::string& out, std::string_view name, const std::vector<std::string>& labels,
                     const std::vector<std::string>& values, const Histogram& histogram) {
  uint64_t cumulative = 0;
  for (size_t i = 0; i <= histogram.bounds().size(); ++i) {
    cumulative += histogram.in_bucket(i);
    std::string bound = i < histogram.bounds().size() ? absl::StrFormat("%g", histogram.bounds()[i]) : "+Inf";
    StrAppend(&out, name, "_bucket", LabelText(labels, values, StrCat("le=\"", bound, "\"")), " ", cumulative, "\n");
  }
  StrAppend(&out, name, "_sum", LabelText(labels, values), " ", FormatNumber(histogram.sum()), "\n");
  StrAppend(&out, name, "_count", LabelText(labels, values), " ", cumulative, "\n");
}

}  // namespace

Histogram::Histogram(const std::vector<double>& bounds) : bounds_(bounds), buckets_(bounds.size() + 1) {}

void Histogram::Observe(double value) {
  size_t index = static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  buckets_[index].fetch_add(1, std::memory_order_relaxed);
  double before = sum_.load(std::memory_order_relaxed);
  while (!sum_.compare_exchange_weak(before, before + value, std::memory_order_relaxed)) {
  }
}

uint64_t Histogram::count() const {
  uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  return total;
}

std::vector<double> LatencyBounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

template <typename Series>
Series& Family<Series>::With(std::vector<std::string> values) {
  FIREBREAK_CHECK(values.size() == labels_.size());
  absl::MutexLock lock(&mutex_);
  auto found = series_.find(values);
  if (found != series_.end()) return *found->second;
  if (series_.size() >= kSeriesMax) values.assign(labels_.size(), "other");
  std::unique_ptr<Series>& slot = series_[std::move(values)];
  if (slot == nullptr) slot = make_();
  return *slot;
}

template <typename Series>
void Family<Series>::ForEach(const std::function<void(const std::vector<std::string>&, const Series&)>& visit) const {
  absl::MutexLock lock(&mutex_);
  for (const auto& [values, series] : series_) visit(values, *series);
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

// Exactly one of the four is set.
struct Metrics::Entry {
  std::string help;
  std::unique_ptr<Family<Counter>> counters;
  std::unique_ptr<Family<Gauge>> gauges;
  std::unique_ptr<Family<Histogram>> histograms;
  std::function<double()> probe;
};

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

Metrics::Entry& Metrics::FindOrAdd(std::string_view name, std::string_view help) {
  auto found = entries_.find(name);
  if (found == entries_.end()) {
    found = entries_.emplace(std::string(name), std::make_unique<Entry>()).first;
    found->second->help = std::string(help);
  }
  return *found->second;
}

Family<Counter>& Metrics::Counters(std::string_view name, std::string_view help, std::vector<std::string> labels) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = FindOrAdd(name, help);
  FIREBREAK_CHECK(!entry.gauges && !entry.histograms && !entry.probe);
  if (!entry.counters) {
    entry.counters = std::make_unique<Family<Counter>>(labels, [] { return std::make_unique<Counter>(); });
  }
  FIREBREAK_CHECK(entry.counters->labels() == labels);
  return *entry.counters;
}

Family<Gauge>& Metrics::Gauges(std::string_view name, std::string_view help, std::vector<std::string> labels) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = FindOrAdd(name, help);
  FIREBREAK_CHECK(!entry.counters && !entry.histograms && !entry.probe);
  if (!entry.gauges) entry.gauges = std::make_unique<Family<Gauge>>(labels, [] { return std::make_unique<Gauge>(); });
  FIREBREAK_CHECK(entry.gauges->labels() == labels);
  return *entry.gauges;
}

Family<Histogram>& Metrics::Histograms(std::string_view name, std::string_view help, std::vector<std::string> labels,
                                       std::vector<double> bounds) {
  FIREBREAK_CHECK(std::is_sorted(bounds.begin(), bounds.end()));
  absl::MutexLock lock(&mutex_);
  Entry& entry = FindOrAdd(name, help);
  FIREBREAK_CHECK(!entry.counters && !entry.gauges && !entry.probe);
  if (!entry.histograms) {
    entry.histograms = std::make_unique<Family<Histogram>>(
        labels, [bounds = std::move(bounds)] { return std::make_unique<Histogram>(bounds); });
  }
  FIREBREAK_CHECK(entry.histograms->labels() == labels);
  return *entry.histograms;
}

void Metrics::Probe(std::string_view name, std::string_view help, std::function<double()> read) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = FindOrAdd(name, help);
  FIREBREAK_CHECK(!entry.counters && !entry.gauges && !entry.histograms);
  entry.probe = std::move(read);
}

std::string Metrics::Text() const {
  std::string out;
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, entry] : entries_) {
    StrAppend(&out, "# HELP ", name, " ", Escape(entry->help, false), "\n", "# TYPE ", name, " ",
              entry->counters     ? "counter"
              : entry->histograms ? "histogram"
                                  : "gauge",
              "\n");
    if (entry->probe) StrAppend(&out, name, " ", FormatNumber(entry->probe()), "\n");
    auto append = [&, &series_name = name](const std::vector<std::string>& labels,
                                           const std::vector<std::string>& values, auto number) {
      StrAppend(&out, series_name, LabelText(labels, values), " ", number, "\n");
    };
    if (entry->counters) {
      entry->counters->ForEach([&, &family = *entry->counters](const auto& values, const Counter& counter) {
        append(family.labels(), values, counter.value());
      });
    }
    if (entry->gauges) {
      entry->gauges->ForEach([&, &family = *entry->gauges](const auto& values, const Gauge& gauge) {
        append(family.labels(), values, gauge.value());
      });
    }
    if (entry->histograms) {
      entry->histograms->ForEach(
          [&, &series_name = name, &family = *entry->histograms](const auto& values, const Histogram& histogram) {
            AppendHistogram(out, series_name, family.labels(), values, histogram);
          });
    }
  }
  return out;
}

}  // namespace firebreak
