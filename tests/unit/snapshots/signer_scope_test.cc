#include "services/snapshots/signer_scope.h"

#include <gtest/gtest.h>

#include "services/snapshots/policies.h"

namespace firebreak {
namespace {

TEST(Pattern, MatchesWholeTextsWithRunsOfAnything) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } kCases[] = {
      {"fraud-*", "fraud-detector", true}, {"fraud-*", "fraud-", true},      {"fraud-*", "fraud", false},
      {"fraud-*", "my-fraud-x", false},    {"*", "", true},                  {"*", "anything", true},
      {"", "", true},                      {"", "x", false},                 {"a*b*c", "a-b-b-c", true},
      {"a*b*c", "a-c-b", false},           {"*a", "bab", false},             {"*a", "baba", true},
      {"**", "x", true},                   {"a?c", "abc", false},            {"[ab]", "a", false},
      {"x", "X", false},                   {"*@example.org", "pat@example.org.evil", false},
      {"*aaaaaaaaaaaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
  };
  for (const auto& one : kCases) EXPECT_EQ(MatchesPattern(one.pattern, one.text), one.matches) << one.pattern << " " << one.text;
}

TEST(Pattern, TakesAStarOfTheTextForItself) {
  EXPECT_TRUE(MatchesPattern("a*", "a*b"));
  EXPECT_FALSE(MatchesPattern("ab", "a*"));
}

v1::SigningPolicy Policy(uint32_t threshold, const std::vector<std::string>& signers) {
  v1::SigningPolicy policy;
  policy.set_name("p");
  policy.set_threshold(threshold);
  for (const std::string& signer : signers) policy.add_signers(signer);
  return policy;
}

TEST(Policy, CountsDifferentVotersAmongThoseItNames) {
  const std::vector<Vote> votes = {{"k1", "alice", ""}, {"k1", "alice", ""}, {"k2", "bob", ""}, {"ca pat", "acme", "pat@x.org"}};
  EXPECT_EQ(Judge(Policy(1, {}), votes).have(), 3u);
  EXPECT_EQ(Judge(Policy(2, {"alice", "carol"}), votes).have(), 1u);
  EXPECT_FALSE(Judge(Policy(2, {"alice", "carol"}), votes).holds());
  EXPECT_EQ(Judge(Policy(2, {"alice", "carol"}), votes).missing(0), "carol");
  EXPECT_TRUE(Judge(Policy(2, {"alice", "pat@x.org"}), votes).holds());
  EXPECT_TRUE(Judge(Policy(1, {"acme"}), votes).holds());
  EXPECT_FALSE(Judge(Policy(1, {}), {}).holds());
}

TEST(Policy, CountsPeopleNotTheirKeysOrAuthorities) {
  EXPECT_EQ(Judge(Policy(2, {}), {{"laptop", "alice", ""}, {"token", "alice", ""}}).have(), 1u);
  EXPECT_EQ(Judge(Policy(2, {}), {{"old pat", "acme", "pat@x.org"}, {"new pat", "acme-2", "pat@x.org"}}).have(), 1u);
}

}  // namespace
}  // namespace firebreak
