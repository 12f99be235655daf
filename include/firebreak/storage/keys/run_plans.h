// Keys of the plans of runs that people were shown. A bounded number is kept.
#ifndef FIREBREAK_STORAGE_KEYS_RUN_PLANS_H_
#define FIREBREAK_STORAGE_KEYS_RUN_PLANS_H_

#include <cstdint>
#include <string_view>
#include <utility>

#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/run_plans.pb.h"

namespace firebreak::keys {

// `digest` is the text form, sha256:…
inline Key<store::v1::StoredRunPlan> RunPlan(std::string_view digest) {
  return std::move(KeyBuilder("run-plan").Text(digest)).Build<store::v1::StoredRunPlan>();
}
inline Key<store::v1::RunPlanSlot> RunPlanSlot(uint64_t slot) {
  return std::move(KeyBuilder("run-plan-slot").Number(slot)).Build<store::v1::RunPlanSlot>();
}

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_RUN_PLANS_H_
