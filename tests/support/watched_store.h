// WatchedStore: a MetaStore that calls a function before every List, to count the reads of an index or to hold one up.
#ifndef FIREBREAK_TESTS_SUPPORT_WATCHED_STORE_H_
#define FIREBREAK_TESTS_SUPPORT_WATCHED_STORE_H_

#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "firebreak/storage/meta_store.h"

namespace firebreak::testing {

// As thread-safe as `base` and the function are. `base` outlives it.
class WatchedStore final : public MetaStore {
 public:
  explicit WatchedStore(MetaStore& base) : base_(base) {}

  std::function<void(std::string_view prefix)> before_list;   // set before anybody else knows the store

  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override { return base_.Get(key); }
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after, size_t limit) const override {
    if (before_list) before_list(prefix);
    return base_.List(prefix, after, limit);
  }
  absl::StatusOr<uint64_t> Commit(const Change& change) override { return base_.Commit(change); }
  Limits limits() const override { return base_.limits(); }

 private:
  MetaStore& base_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SUPPORT_WATCHED_STORE_H_
