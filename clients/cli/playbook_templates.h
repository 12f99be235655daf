// The playbooks that `playbook new` starts from. Each lints clean, and its test table passes, under any name.
#ifndef FIREBREAK_CLIENTS_CLI_PLAYBOOK_TEMPLATES_H_
#define FIREBREAK_CLIENTS_CLI_PLAYBOOK_TEMPLATES_H_

#include <string>
#include <string_view>
#include <vector>

namespace firebreak::cli {

struct PlaybookTemplate {
  const char* name;
  const char* about;
  const char* yaml;   // NAME stands for the new playbook's name
  const char* tests;  // the table beside it; FILE stands for the playbook's file
};

const std::vector<PlaybookTemplate>& PlaybookTemplates();

// `text` with every NAME and FILE replaced.
std::string FillTemplate(std::string_view text, std::string_view name, std::string_view file);

}  // namespace firebreak::cli

#endif  // FIREBREAK_CLIENTS_CLI_PLAYBOOK_TEMPLATES_H_
