// The smallest HTTP server that can be driven by wrk: a thread per connection, POSTs with a Content-Length, always 200.
#ifndef FIREBREAK_TESTS_BENCH_LEDGER_SERVE_H_
#define FIREBREAK_TESTS_BENCH_LEDGER_SERVE_H_

#include <functional>

namespace firebreak::bench {

// Listens on a free port of 127.0.0.1, prints it on a line of its own and calls `work` before it answers each request, on the
// thread of the request's connection. Returns at the end of standard input, when every connection has been closed.
void ServeConnections(const std::function<void()>& work);

}  // namespace firebreak::bench

#endif  // FIREBREAK_TESTS_BENCH_LEDGER_SERVE_H_
