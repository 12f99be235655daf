// completion: shell scripts made from the parser's own tree, so they never lag behind it.
#include "absl/strings/str_split.h"
#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"

namespace firebreak::cli {
namespace completion {
namespace {

struct ShellOption {
  std::string shell;
};

bool Always(const CLI::App*) { return true; }
bool AlwaysOption(const CLI::Option*) { return true; }

// The options of a level and of those above it, which hold there too.
std::string OptionWords(const CLI::App& app) {
  std::string words;
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options(AlwaysOption)) {
      for (const std::string& name : option->get_lnames()) {
        if (level == &app || name != "help") StrAppend(&words, "--", name, " ");
      }
    }
  }
  return words;
}

// Words that may follow `path`, one list a command level: "snapshot" -> "push pull list … --help".
void Collect(const CLI::App& app, const std::string& path, std::vector<std::pair<std::string, std::string>>& levels) {
  std::string words;
  for (const CLI::App* command : app.get_subcommands(Always)) StrAppend(&words, command->get_name(), " ");
  if (path == "approve") words += "list ";   // a word for the place of the run
  StrAppend(&words, OptionWords(app));
  levels.emplace_back(path, words);
  for (const CLI::App* command : app.get_subcommands(Always)) {
    Collect(*command, path.empty() ? command->get_name() : StrCat(path, " ", command->get_name()), levels);
  }
}

std::string Bash(const CLI::App& app) {
  std::vector<std::pair<std::string, std::string>> levels;
  Collect(app, "", levels);
  std::string text = "_firebreak() {\n  local path=\"\" word i\n  for ((i = 1; i < COMP_CWORD; i++)); do\n    word=\"${COMP_WORDS[i]}\"\n"
                     "    case \"$word\" in -*) continue ;; esac\n    case \"${path:+$path }$word\" in\n";
  for (const auto& [path, words] : levels) {
    if (!path.empty()) StrAppend(&text, "      \"", path, "\") path=\"", path, "\" ;;\n");
  }
  text += "    esac\n  done\n  local words=\"\"\n  case \"$path\" in\n";
  for (const auto& [path, words] : levels) StrAppend(&text, "    \"", path, "\") words=\"", words, "\" ;;\n");
  text += "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
          "  [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -F _firebreak firebreak";
  return text;
}

std::string Fish(const CLI::App& app) {
  std::vector<std::pair<std::string, std::string>> levels;
  Collect(app, "", levels);
  std::string text = "complete -c firebreak -e\n";
  for (const auto& [path, words] : levels) {
    std::string condition = "__fish_use_subcommand";
    if (!path.empty()) {
      condition.clear();
      for (const auto word : absl::StrSplit(path, ' ')) {
        StrAppend(&condition, condition.empty() ? "" : "; and ", "__fish_seen_subcommand_from ", std::string(word));
      }
    }
    StrAppend(&text, "complete -c firebreak -n '", condition, "' -a '", words, "'\n");
  }
  return text;
}

}  // namespace
}  // namespace completion

void AddCompletionCommand(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace completion;
  AddCommand<ShellOption>(
      app, chosen, "completion", "Shell completion: source <(firebreak completion bash)",
      [](CLI::App& command, ShellOption& options) {
        command.add_option("shell", options.shell, "bash, zsh or fish")
            ->required()
            ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""));
      },
      [&app](Session& used, const ShellOption& options) {
        if (options.shell == "fish") {
          used.out().Print(Fish(app));
        } else if (options.shell == "zsh") {
          used.out().Print(StrCat("autoload -U +X bashcompinit && bashcompinit\n", Bash(app)));
        } else {
          used.out().Print(Bash(app));
        }
        return absl::OkStatus();
      },
      session);
}

}  // namespace firebreak::cli
