// Metrics: counters, gauges and histograms in the Prometheus text format (exposition format 0.0.4), without a library's
// own server or threads. One registry is made in main and handed down; there is no global one.
#ifndef FIREBREAK_METRICS_METRICS_H_
#define FIREBREAK_METRICS_METRICS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace firebreak {

// Only grows. Thread-safe, lock-free.
class Counter {
 public:
  void Add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Goes up and down. Thread-safe, lock-free.
class Gauge {
 public:
  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(int64_t by) { value_.fetch_add(by, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Counts observations at or below each bound. Thread-safe, lock-free.
class Histogram {
 public:
  explicit Histogram(const std::vector<double>& bounds);
  void Observe(double value);
  uint64_t count() const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  const std::vector<double>& bounds() const { return bounds_; }
  uint64_t in_bucket(size_t index) const { return buckets_[index].load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;            // ascending; +Inf is implied
  std::vector<std::atomic<uint64_t>> buckets_;  // not cumulative; one more than bounds
  std::atomic<double> sum_{0};
};

// Seconds from half a millisecond to a minute: calls and steps.
std::vector<double> LatencyBounds();

// All series of one name. Thread-safe; a series once answered stays where it is.
template <typename Series>
class Family {
 public:
  // Past this many series of one name everything new is counted under the label value "other": a runaway label
  // must not eat the memory.
  static constexpr size_t kSeriesMax = 2000;

  Family(std::vector<std::string> labels, std::function<std::unique_ptr<Series>()> make)
      : labels_(std::move(labels)), make_(std::move(make)) {}

  // One value for each label of the family, in order.
  Series& With(std::vector<std::string> values);

  const std::vector<std::string>& labels() const { return labels_; }
  void ForEach(const std::function<void(const std::vector<std::string>&, const Series&)>& visit) const;

 private:
  const std::vector<std::string> labels_;
  const std::function<std::unique_ptr<Series>()> make_;
  mutable absl::Mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Series>> series_ ABSL_GUARDED_BY(mutex_);
};

// Thread-safe. Outlives everything that counts in it. Asking twice for the same name answers the same family; the same
// name with another type or other labels is our own mistake and aborts.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Family<Counter>& Counters(std::string_view name, std::string_view help, std::vector<std::string> labels = {});
  Family<Gauge>& Gauges(std::string_view name, std::string_view help, std::vector<std::string> labels = {});
  Family<Histogram>& Histograms(std::string_view name, std::string_view help, std::vector<std::string> labels,
                                std::vector<double> bounds = LatencyBounds());

  // A gauge read when somebody asks. `read` must be quick and must stay callable as long as this object.
  void Probe(std::string_view name, std::string_view help, std::function<double()> read);

  // Everything, sorted by name.
  std::string Text() const;

 private:
  struct Entry;
  Entry& FindOrAdd(std::string_view name, std::string_view help);

  mutable absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_METRICS_METRICS_H_
