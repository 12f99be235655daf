// Ledger entries as a table, for timelines and the audit log.
#ifndef FIREBREAK_CLIENTS_CLI_TIMELINE_H_
#define FIREBREAK_CLIENTS_CLI_TIMELINE_H_

#include <string>

#include "clients/cli/output.h"
#include "firebreak/v1/audit.pb.h"
#include "google/protobuf/repeated_field.h"

namespace firebreak::cli {

inline Table EntryTable(const google::protobuf::RepeatedPtrField<v1::AuditEntry>& entries) {
  Table table({"INDEX", "TIME", "ACTOR", "ACTION", "WHAT"});
  for (const v1::AuditEntry& entry : entries) {
    table.Add({std::to_string(entry.index()), TimeText(entry.has_time(), entry.time()), entry.actor(), entry.action(), entry.summary()});
  }
  return table;
}

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_TIMELINE_H_
