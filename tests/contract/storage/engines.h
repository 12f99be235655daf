// The engines the contract suites run on. An engine that joins is added in engines.cc and nowhere else.
#ifndef FIREBREAK_TESTS_CONTRACT_STORAGE_ENGINES_H_
#define FIREBREAK_TESTS_CONTRACT_STORAGE_ENGINES_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firebreak/storage/chunk_store.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak::testing {

class Engine {
 public:
  virtual ~Engine() = default;
  virtual MetaStore& meta() = 0;
  virtual ChunkStore& chunks() = 0;
  // Closes and opens again in place. False when the engine keeps nothing over that.
  virtual bool Reopen() { return false; }
};

struct EngineMaker {
  std::string name;
  std::function<std::unique_ptr<Engine>()> make;
};

std::vector<EngineMaker> AllEngines();

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_CONTRACT_STORAGE_ENGINES_H_
