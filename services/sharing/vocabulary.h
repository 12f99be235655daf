// Every word that may leave. Exporters take their words from here, and the second lock accepts nothing else.
#ifndef FIREBREAK_SERVICES_SHARING_VOCABULARY_H_
#define FIREBREAK_SERVICES_SHARING_VOCABULARY_H_

#include <array>
#include <string_view>

namespace firebreak::vocabulary {

inline constexpr std::array<std::string_view, 14> kKinds = {
    "model-poisoning", "data-poisoning", "backdoor", "drift", "performance", "bad-deploy", "adversarial-evasion", "prompt-injection",
    "index-poisoning", "data-leakage", "model-theft", "harmful-output", "credential-compromise", "other"};
inline constexpr std::array<std::string_view, 6> kDurations = {"<1m", "1m-10m", "10m-1h", "1h-1d", ">1d", "unknown"};
inline constexpr std::array<std::string_view, 5> kCounts = {"0", "1", "2-5", "6-20", ">20"};
inline constexpr std::array<std::string_view, 4> kOutcomes = {"recovered", "contained", "closed", "open"};
inline constexpr std::array<std::string_view, 3> kDeterminations = {"suspected", "confirmed", "false-positive"};
inline constexpr std::array<std::string_view, 2> kDetection = {"monitor", "person"};
inline constexpr std::array<std::string_view, 6> kResponses = {"contain", "quarantine", "verify", "roll-back", "report", "approve"};

}  // namespace firebreak::vocabulary

#endif  // FIREBREAK_SERVICES_SHARING_VOCABULARY_H_
