// login, context, whoami, version: who is asking, and whom.
#include <filesystem>

#include "clients/cli/command.h"
#include "clients/cli/session.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/access.grpc.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak::cli {
namespace session_commands {
namespace {

struct LoginOptions {
  std::string name;
};
struct NameOption {
  std::string name;
};
struct NoOptions {};

std::string Absolute(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

std::string RoleList(const google::protobuf::RepeatedField<int>& roles) {
  std::string text;
  for (int role : roles) {
    if (!text.empty()) text += ", ";
    text += ShortEnum(v1::Role_descriptor(), role);
  }
  return text;
}

absl::Status LogIn(Session& session, const LoginOptions& options) {
  GlobalOptions& global = session.options();
  if (global.server.empty() || global.ca_file.empty() || global.token_file.empty()) {
    return absl::InvalidArgumentError("login needs --server HOST:PORT, --ca FILE and --token-file FILE");
  }
  global.ca_file = Absolute(global.ca_file);
  global.token_file = Absolute(global.token_file);
  ASSIGN_OR_RETURN(v1::WhoAmIResponse me, session.Call<v1::Access>(&v1::Access::Stub::WhoAmI, v1::WhoAmIRequest()));
  ASSIGN_OR_RETURN(ContextFile file, LoadContexts(ContextPath()));
  const std::string name = options.name.empty() ? "default" : options.name;
  file.contexts[name] = {global.server, global.ca_file, global.token_file};
  file.current = name;
  RETURN_IF_ERROR(SaveContexts(ContextPath(), file));
  session.out().PrintAnswer(me, StrCat("logged in to ", global.server, " as ", me.identity(), " (", RoleList(me.roles()),
                                       "); context ", name, " is now current"));
  return absl::OkStatus();
}

absl::Status WhoAmI(Session& session, const NoOptions&) {
  ASSIGN_OR_RETURN(v1::WhoAmIResponse me, session.Call<v1::Access>(&v1::Access::Stub::WhoAmI, v1::WhoAmIRequest()));
  session.out().PrintAnswer(me, StrCat(me.identity(), " (", RoleList(me.roles()), "), service ", me.service_version()));
  return absl::OkStatus();
}

absl::Status ListContexts(Session& session, const NoOptions&) {
  ASSIGN_OR_RETURN(ContextFile file, LoadContexts(ContextPath()));
  if (session.out().format() == Format::kJson) {
    google::protobuf::Struct all;
    (*all.mutable_fields())["current"].set_string_value(file.current);
    auto& contexts = *(*all.mutable_fields())["contexts"].mutable_struct_value()->mutable_fields();
    for (const auto& [name, context] : file.contexts) {
      auto& fields = *contexts[name].mutable_struct_value()->mutable_fields();
      fields["server"].set_string_value(context.server);
      fields["ca_file"].set_string_value(context.ca_file);
      fields["token_file"].set_string_value(context.token_file);
    }
    session.out().PrintMessage(all);
    return absl::OkStatus();
  }
  Table table({"CURRENT", "NAME", "SERVER", "TOKEN FILE"});
  for (const auto& [name, context] : file.contexts) {
    table.Add({name == file.current ? "*" : "", name, context.server, context.token_file});
  }
  session.out().PrintTable(table, "no contexts; make one with firebreak login");
  return absl::OkStatus();
}

absl::Status ShowContext(Session& session, const NoOptions&) {
  ASSIGN_OR_RETURN(Context context, session.ResolveContext());
  session.out().PrintFields({{"server", context.server}, {"ca_file", context.ca_file}, {"token_file", context.token_file}},
                            StrCat("server: ", context.server, "\nca_file: ", context.ca_file, "\ntoken_file: ", context.token_file));
  return absl::OkStatus();
}

absl::Status ChangeContexts(Session& session, const std::string& name, const std::function<void(ContextFile&)>& change,
                            std::string_view done) {
  ASSIGN_OR_RETURN(ContextFile file, LoadContexts(ContextPath()));
  if (!file.contexts.contains(name)) {
    std::vector<std::string> known;
    for (const auto& entry : file.contexts) known.push_back(entry.first);
    const std::string near = NearestName(name, known);
    return absl::NotFoundError(StrCat("context ", name, " does not exist (next: ",
                                      near.empty() ? "firebreak context list" : StrCat("did you mean ", near, "?"), ")"));
  }
  change(file);
  RETURN_IF_ERROR(SaveContexts(ContextPath(), file));
  session.out().PrintFields({{"context", name}, {"current", file.current}}, StrCat("context ", name, " ", done));
  return absl::OkStatus();
}

absl::Status PrintVersion(Session& session, const NoOptions&) {
  session.out().PrintFields({{"version", FIREBREAK_VERSION}}, "firebreak " FIREBREAK_VERSION);
  return absl::OkStatus();
}

}  // namespace
}  // namespace session_commands

void AddSessionCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace session_commands;
  AddCommand<LoginOptions>(app, chosen, "login", "Check a token with the service and remember it as a context",
                           [](CLI::App& command, LoginOptions& options) {
                             command.add_option("--name", options.name, "Name of the context; default: default");
                           },
                           LogIn, session);
  CLI::App* context = AddGroup(app, "context", "Services this machine knows");
  const auto none = [](CLI::App&, NoOptions&) {};
  const auto name = [](CLI::App& command, NameOption& options) {
    command.add_option("name", options.name, "Context")->required();
  };
  AddCommand<NoOptions>(*context, chosen, "list", "Every context", none, ListContexts, session);
  AddCommand<NoOptions>(*context, chosen, "show", "What this command line would connect to", none, ShowContext, session);
  AddCommand<NameOption>(*context, chosen, "use", "Make a context the current one", name,
                         [](Session& used, const NameOption& options) {
                           return ChangeContexts(used, options.name, [&](ContextFile& file) { file.current = options.name; },
                                                 "is now current");
                         },
                         session);
  AddCommand<NameOption>(*context, chosen, "remove", "Forget a context (its token stays valid)", name,
                         [](Session& used, const NameOption& options) {
                           return ChangeContexts(used, options.name, [&](ContextFile& file) {
                             file.contexts.erase(options.name);
                             if (file.current == options.name) file.current.clear();
                           }, "is forgotten");
                         },
                         session);
  AddCommand<NoOptions>(app, chosen, "whoami", "Who the service takes you for", none, WhoAmI, session);
  AddCommand<NoOptions>(app, chosen, "version", "This program's version", none, PrintVersion, session);
}

}  // namespace firebreak::cli
