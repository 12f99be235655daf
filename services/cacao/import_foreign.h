// Translating a playbook that somebody else wrote.
#ifndef FIREBREAK_SERVICES_CACAO_IMPORT_FOREIGN_H_
#define FIREBREAK_SERVICES_CACAO_IMPORT_FOREIGN_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "firebreak/cacao/import.h"
#include "google/protobuf/struct.pb.h"
#include "services/cacao/conditions.h"

namespace firebreak {

// What the parts of the translation share: findings, names given, variables seen.
class Translation {
 public:
  Translation(const google::protobuf::Struct& document, CacaoImport& result);

  const google::protobuf::Struct& document() const { return document_; }
  const google::protobuf::Struct& workflow() const { return workflow_; }
  CacaoImport& result() { return result_; }

  void Error(std::string pointer, std::string rule, std::string message, std::string hint = "");
  void Note(std::string pointer, std::string rule, std::string message, std::string hint = "");

  // A name no other step has: "Block MAC address" -> block_mac_address.
  std::string StepName(std::string_view title, std::string_view fallback);
  // True, and an error, when there are more steps than a playbook may have.
  bool TooManySteps(const std::string& pointer);
  // `name` as a value of ours: the output of a step it was filled by, or an input, which is declared when it was not yet.
  absl::StatusOr<ForeignVariable> Variable(const std::string& name, const google::protobuf::Struct& step);
  void Fill(const std::string& variable, ForeignVariable value) { filled_[variable] = std::move(value); }
  // Texts for people: "__ip__:value" becomes "{$ip}".
  std::string TextForPeople(const std::string& text, const google::protobuf::Struct& step, const std::string& pointer);

  void UseHook(const std::string& hook);

 private:
  const google::protobuf::Struct& document_;
  const google::protobuf::Struct& workflow_;
  CacaoImport& result_;
  std::set<std::string> names_;
  std::map<std::string, ForeignVariable> filled_;   // by out_args
  std::map<std::string, ForeignVariable> inputs_;
  std::set<std::string> compared_;                  // used in conditions: their type counts
};

// The steps one action step becomes; its commands in order.
std::vector<v1::Step> TranslateAction(Translation& translation, const std::string& pointer, const google::protobuf::Struct& action);

// letters, digits and _ only, beginning with a letter; empty when nothing is left.
std::string Slug(std::string_view text, char filler);

void TranslateForeign(const google::protobuf::Struct& document, CacaoImport& result);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_IMPORT_FOREIGN_H_
