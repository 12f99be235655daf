// Tells ThreadSanitizer about Abseil's locks. The distribution's Abseil is not built with it, so that it would not see who waits for
// whom and call every guarded member a race. The functions here stand in front of the library's own, in our code and in the libraries
// that use the same Abseil (gRPC): each calls the original and says what it orders. Readers are ordered too, among themselves more
// than they are in truth; a write under a reader lock goes unnoticed.
//
// Conditions are evaluated by whoever unlocks, after our release is told: their reads are left out of the search there.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "absl/base/config.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
const char* __tsan_default_options();
const char* __tsan_default_suppressions();
}

// What the C library is asked for by libraries built without the sanitizer (RocksDB, gRPC, Protobuf: memcpy, free) is not held
// against anybody: it would miss what they order by their own atomics. Locks of pthreads still count. $TSAN_OPTIONS comes after this.
const char* __tsan_default_options() { return "ignore_interceptors_accesses=1:history_size=4"; }

// gRPC counts a call's running reactions by an atomic inside its library and calls OnDone after the last: what that one reads without
// a lock of ours is in order.
const char* __tsan_default_suppressions() { return "race:^firebreak::ReflectionCall::OnDone\n"; }

namespace {

#define FIREBREAK_TEXT_OF(name) #name
#define FIREBREAK_TEXT(name) FIREBREAK_TEXT_OF(name)
constexpr char kVersion[] = FIREBREAK_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME);

// The library's own function: `rest` is its mangled name behind the version's inline namespace, `prefix` what comes before `4absl`.
template <typename Function>
Function Original(const char* prefix, const char* rest) {
  char name[128];
  snprintf(name, sizeof(name), "%s4absl%zu%s%s", prefix, strlen(kVersion), kVersion, rest);   // as the Itanium C++ ABI mangles
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) {
    fprintf(stderr, "absl_mutex: Abseil has no %s\n", name);
    abort();
  }
  return reinterpret_cast<Function>(found);
}

class ReadsIgnored {
 public:
  ReadsIgnored() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~ReadsIgnored() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
  ReadsIgnored(const ReadsIgnored&) = delete;
  ReadsIgnored& operator=(const ReadsIgnored&) = delete;
};

using Plain = void (*)(absl::Mutex*);
using Try = bool (*)(absl::Mutex*);
using When = void (*)(absl::Mutex*, const absl::Condition&);
using WhenFor = bool (*)(absl::Mutex*, const absl::Condition&, absl::Duration);
using WhenBy = bool (*)(absl::Mutex*, const absl::Condition&, absl::Time);

}  // namespace

void absl::Mutex::Lock() {
  static const Plain original = Original<Plain>("_ZN", "5Mutex4LockEv");
  original(this);
  __tsan_acquire(this);
}

void absl::Mutex::Unlock() {
  static const Plain original = Original<Plain>("_ZN", "5Mutex6UnlockEv");
  __tsan_release(this);
  const ReadsIgnored conditions;
  original(this);
}

bool absl::Mutex::TryLock() {
  static const Try original = Original<Try>("_ZN", "5Mutex7TryLockEv");
  const bool locked = original(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void absl::Mutex::ReaderLock() {
  static const Plain original = Original<Plain>("_ZN", "5Mutex10ReaderLockEv");
  original(this);
  __tsan_acquire(this);
}

void absl::Mutex::ReaderUnlock() {
  static const Plain original = Original<Plain>("_ZN", "5Mutex12ReaderUnlockEv");
  __tsan_release(this);
  const ReadsIgnored conditions;
  original(this);
}

bool absl::Mutex::ReaderTryLock() {
  static const Try original = Original<Try>("_ZN", "5Mutex13ReaderTryLockEv");
  const bool locked = original(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void absl::Mutex::Await(const Condition& condition) {
  static const When original = Original<When>("_ZN", "5Mutex5AwaitERKNS0_9ConditionE");
  __tsan_release(this);
  {
    const ReadsIgnored conditions;
    original(this, condition);
  }
  __tsan_acquire(this);
}

bool absl::Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static const WhenFor original = Original<WhenFor>("_ZN", "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  __tsan_release(this);
  bool holds = false;
  {
    const ReadsIgnored conditions;
    holds = original(this, condition, timeout);
  }
  __tsan_acquire(this);
  return holds;
}

bool absl::Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static const WhenBy original = Original<WhenBy>("_ZN", "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  __tsan_release(this);
  bool holds = false;
  {
    const ReadsIgnored conditions;
    holds = original(this, condition, deadline);
  }
  __tsan_acquire(this);
  return holds;
}

void absl::Mutex::LockWhen(const Condition& condition) {
  static const When original = Original<When>("_ZN", "5Mutex8LockWhenERKNS0_9ConditionE");
  {
    const ReadsIgnored conditions;
    original(this, condition);
  }
  __tsan_acquire(this);
}

bool absl::Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  static const WhenFor original = Original<WhenFor>("_ZN", "5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  bool holds = false;
  {
    const ReadsIgnored conditions;
    holds = original(this, condition, timeout);
  }
  __tsan_acquire(this);
  return holds;
}

void absl::CondVar::Wait(Mutex* mutex) {
  using Function = void (*)(CondVar*, Mutex*);
  static const Function original = Original<Function>("_ZN", "7CondVar4WaitEPNS0_5MutexE");
  __tsan_release(mutex);
  original(this, mutex);
  __tsan_acquire(mutex);
}

bool absl::CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  using Function = bool (*)(CondVar*, Mutex*, Time);
  static const Function original = Original<Function>("_ZN", "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  __tsan_release(mutex);
  const bool timed_out = original(this, mutex, deadline);
  __tsan_acquire(mutex);
  return timed_out;
}

void absl::Notification::Notify() {
  using Function = void (*)(Notification*);
  static const Function original = Original<Function>("_ZN", "12Notification6NotifyEv");
  __tsan_release(this);
  original(this);
}

void absl::Notification::WaitForNotification() const {
  using Function = void (*)(const Notification*);
  static const Function original = Original<Function>("_ZNK", "12Notification19WaitForNotificationEv");
  original(this);
  __tsan_acquire(const_cast<Notification*>(this));
}

bool absl::Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  using Function = bool (*)(const Notification*, Duration);
  static const Function original =
      Original<Function>("_ZNK", "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE");
  const bool notified = original(this, timeout);
  if (notified) __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}
