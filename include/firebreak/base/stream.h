// Server-to-client streams without threads of their own: a handler is given a Sink and answers with a Subscription.
#ifndef FIREBREAK_BASE_STREAM_H_
#define FIREBREAK_BASE_STREAM_H_

#include <memory>

#include "absl/status/status.h"

namespace firebreak {

// Where a stream's messages go. Thread-safe; Send never blocks: the door queues at most 256 messages and, past that,
// closes the stream with kResourceExhausted (the client resumes from what it has).
template <typename Message>
class Sink {
 public:
  virtual ~Sink() = default;
  // False when the stream is over; the sender may forget it then.
  virtual bool Send(Message message) = 0;
  // Ends the stream with `status`. Later calls do nothing.
  virtual void Close(absl::Status status) = 0;
};

// Destroyed by the door when the client is gone; after the destructor returned nothing more is sent.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

}  // namespace firebreak

#endif  // FIREBREAK_BASE_STREAM_H_
