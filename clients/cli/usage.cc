#include "clients/cli/usage.h"

#include <algorithm>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"

namespace firebreak::cli {
namespace {

bool AnyCommand(const CLI::App*) { return true; }
bool AnyOption(const CLI::Option*) { return true; }

const CLI::Option* FindOption(const CLI::App& app, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options(AnyOption)) {
      if (option->check_name(name)) return option;
    }
  }
  return nullptr;
}

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options(AnyOption)) {
      for (const std::string& name : option->get_lnames()) names.push_back(StrCat("--", name));
    }
  }
  return names;
}

std::string PathOf(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : StrCat(PathOf(*app.get_parent()), " ", app.get_name());
}

// Letters of `shorter` in `longer`, in order: "depoy" in "deployment".
bool IsWithin(const std::string& shorter, const std::string& longer) {
  size_t found = 0;
  for (const char c : longer) {
    if (found < shorter.size() && shorter[found] == c) ++found;
  }
  return !shorter.empty() && found == shorter.size() && shorter[0] == longer[0];
}

// "firebreak snapshot push" for a word that is a command in another group.
std::string CommandElsewhere(const CLI::App& group, const std::string& word) {
  for (const CLI::App* command : group.get_subcommands(AnyCommand)) {
    if (command->get_name() == word) return PathOf(*command);
    if (std::string found = CommandElsewhere(*command, word); !found.empty()) return found;
  }
  return "";
}

std::string NearestCommand(const CLI::App& root, const CLI::App& group, const std::string& word) {
  std::vector<std::string> known;
  for (const CLI::App* command : group.get_subcommands(AnyCommand)) known.push_back(command->get_name());
  if (const std::string elsewhere = CommandElsewhere(root, word); !elsewhere.empty()) return elsewhere;
  for (const std::string& name : known) {
    if (IsWithin(word, name)) return StrCat(PathOf(group), " ", name);
  }
  const std::string near = NearestName(word, known);
  return near.empty() ? "" : StrCat(PathOf(group), " ", near);
}

std::string Suggest(const std::string& near) { return near.empty() ? "" : StrCat(" (did you mean ", near, "?)"); }

std::string Report(const CLI::App& level, const std::string& what) {
  return StrCat("firebreak: ", what, "\nnext: ", PathOf(level), " --help\n");
}

}  // namespace

std::string ExplainUsage(const CLI::App& app, const std::vector<std::string>& words, const CLI::ParseError& problem) {
  const CLI::App* level = &app;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() > 1 && word[0] == '-') {
      const CLI::Option* option = FindOption(*level, word);
      if (option == nullptr && word != "--") {
        return Report(*level, StrCat("unknown option ", word, Suggest(NearestName(word, OptionNames(*level)))));
      }
      const bool takes_next = option != nullptr && option->get_items_expected_min() > 0 && word.find('=') == std::string::npos;
      if (takes_next) ++i;
      continue;
    }
    const auto commands = level->get_subcommands(AnyCommand);
    if (commands.empty()) continue;
    const auto found = std::find_if(commands.begin(), commands.end(), [&](const CLI::App* command) { return command->get_name() == word; });
    if (found == commands.end()) {
      return Report(*level, StrCat("unknown command ", word, Suggest(NearestCommand(app, *level, word))));
    }
    level = *found;
  }
  if (!level->get_subcommands(AnyCommand).empty()) return level->help(level->get_parent() == nullptr ? "" : PathOf(*level->get_parent()));
  return Report(*level, problem.what());
}

}  // namespace firebreak::cli
