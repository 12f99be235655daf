#include "firebreak/ledger/audit_desk.h"

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/note.h"
#include "firebreak/ledger/offline.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak {
namespace {

using testing::TestEntry;

struct Desk : testing::LedgerFixture {
  AuditDesk desk{*ledger};
  Caller caller;

  void Add(int count, size_t fact_bytes = 10) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(ledger->Transact([&](Draft& draft) {
        v1::AuditEntry entry = TestEntry("test.entry", {StrCat("parity/", i % 2)});
        (*entry.mutable_facts())["filler"] = std::string(fact_bytes, 'x');
        draft.Record(entry);
        return absl::OkStatus();
      }).ok());
    }
  }
};

class Collector final : public Sink<v1::WatchAuditEvent> {
 public:
  bool Send(v1::WatchAuditEvent event) override {
    absl::MutexLock lock(&mutex_);
    if (!closed_.ok()) return false;
    seen_.push_back(event.entry().index());
    return true;
  }
  void Close(absl::Status status) override {
    absl::MutexLock lock(&mutex_);
    closed_ = status;
  }
  std::vector<uint64_t> seen() {
    absl::MutexLock lock(&mutex_);
    return seen_;
  }
  std::vector<uint64_t> Await(size_t count) {
    absl::MutexLock lock(&mutex_);
    wanted_ = count;
    mutex_.Await(absl::Condition(+[](Collector* self) { return self->seen_.size() >= self->wanted_; }, this));
    return seen_;
  }
  absl::Status closed() {
    absl::MutexLock lock(&mutex_);
    return closed_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<uint64_t> seen_;
  size_t wanted_ = 0;
  absl::Status closed_;
};

TEST(AuditDesk, ListsTheWholeLogAndOneSubjectInPages) {
  Desk test;
  test.Add(250);
  v1::ListAuditRequest request;
  EXPECT_EQ(test.desk.ListAudit(test.caller, request)->entries_size(), 100);
  request.set_page_size(120);
  std::vector<uint64_t> seen;
  v1::ListAuditResponse page;
  do {
    page = test.desk.ListAudit(test.caller, request).value();
    for (const auto& entry : page.entries()) seen.push_back(entry.index());
    request.set_from_index(page.next_index());
  } while (page.more());
  ASSERT_EQ(seen.size(), 250u);
  EXPECT_EQ(seen.back(), 249u);
  request.set_subject("parity/1");
  request.set_from_index(200);
  EXPECT_EQ(test.desk.ListAudit(test.caller, request)->entries_size(), 25);
  request.set_page_size(1001);
  EXPECT_EQ(test.desk.ListAudit(test.caller, request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(AuditDesk, ExportsInPagesUnderOneCheckpointWhileTheLogGrows) {
  Desk test;
  test.Add(700, 3500);
  v1::ExportAuditRequest request;
  std::vector<std::string> leaves;
  v1::ExportAuditResponse page;
  int pages = 0;
  do {
    page = test.desk.ExportAudit(test.caller, request).value();
    const auto checkpoint = OpenCheckpoint(page.checkpoint(), page.verifier_key());
    ASSERT_TRUE(checkpoint.ok());
    EXPECT_EQ(checkpoint->size, 700u);
    size_t bytes = 0;
    for (const std::string& leaf : page.leaves()) {
      bytes += leaf.size();
      leaves.push_back(leaf);
    }
    EXPECT_LE(bytes, size_t{1} << 20);
    request.set_from_index(leaves.size());
    request.set_tree_size(700);
    test.Add(1);
    ++pages;
  } while (page.more());
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(leaves.size(), 700u);
  EXPECT_EQ(leaves[699], LoadLeaf(test.store, 699).value());
  request.set_from_index(701);
  EXPECT_EQ(test.desk.ExportAudit(test.caller, request).status().code(), absl::StatusCode::kInvalidArgument);
  request.set_tree_size(10000);
  EXPECT_EQ(test.desk.ExportAudit(test.caller, request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(AuditDesk, GivesAProofThatVerifiesWithoutTheServer) {
  Desk test;
  test.Add(300);
  v1::GetProofRequest request;
  request.set_index(41);
  const auto response = test.desk.GetProof(test.caller, request);
  ASSERT_TRUE(response.ok()) << response.status();
  const std::string vkey = test.desk.GetCheckpoint(test.caller, {})->verifier_key();
  EXPECT_TRUE(VerifyProof(response->proof(), response->leaf(), vkey).ok());
  EXPECT_EQ(ParseLeaf(response->leaf(), 41)->index(), 41u);
  request.set_index(300);
  EXPECT_EQ(test.desk.GetProof(test.caller, request).status().code(), absl::StatusCode::kNotFound);
}

TEST(AuditDesk, AWatcherGetsHistoryThenNewsEachOnceAndInOrder) {
  Desk test;
  test.Add(30);
  auto sink = std::make_shared<Collector>();
  v1::WatchAuditRequest request;
  request.set_from_index(10);
  auto subscription = test.desk.WatchAudit(test.caller, request, sink);
  ASSERT_TRUE(subscription.ok());
  test.Add(20);
  const std::vector<uint64_t> seen = sink->Await(40);
  ASSERT_EQ(seen.size(), 40u);
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i + 10);
  subscription->reset();
  test.Add(1);
  EXPECT_EQ(sink->seen().size(), 40u);
}

TEST(AuditDesk, AWatcherOfASubjectGetsOnlyThat) {
  Desk test;
  test.Add(4);
  auto sink = std::make_shared<Collector>();
  v1::WatchAuditRequest request;
  request.set_subject("parity/1");
  auto subscription = test.desk.WatchAudit(test.caller, request, sink);
  test.Add(4);
  EXPECT_EQ(sink->Await(4), (std::vector<uint64_t>{1, 3, 5, 7}));
}

TEST(AuditDesk, AWatcherFarBehindIsToldWhereToResume) {
  Desk test;
  test.Add(450);
  v1::WatchAuditRequest request;
  std::vector<uint64_t> seen;
  for (;;) {
    auto sink = std::make_shared<Collector>();
    auto subscription = test.desk.WatchAudit(test.caller, request, sink);
    ASSERT_TRUE(subscription.ok());
    for (uint64_t index : sink->seen()) seen.push_back(index);
    if (sink->closed().ok()) break;
    EXPECT_EQ(sink->closed().code(), absl::StatusCode::kResourceExhausted);
    request.set_from_index(seen.back() + 1);
  }
  ASSERT_EQ(seen.size(), 450u);
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i);
}

}  // namespace
}  // namespace firebreak
