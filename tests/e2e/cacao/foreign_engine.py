"""A small CACAO 2.0 engine that knows nothing of Firebreak: http-api and manual commands, conditions, parallel and while steps.

What the specification leaves open is done the plain way: variables are texts and put into commands as they stand, the members of a JSON
answer fill `out_args` by name, a failed step goes to workflow_exception.
"""
import json
import re
import time
import urllib.error
import urllib.request

TOKEN = re.compile(r"\s*(?:(__[A-Za-z0-9_-]+?__):value|'((?:[^'\\]|\\.)*)'|(AND|OR|NOT)\b|(!=|<=|>=|=|<|>)|([()])|([0-9.]+|true|false))")


class StepFailed(Exception):
    """An action step did not succeed."""


class Engine:
    def __init__(self, document, base, token, context, variables, answer):
        """`answer(text)` is what a person says to a manual command: true or false."""
        self.document, self.base, self.token, self.context, self.answer = document, base, token, context, answer
        self.variables = {name: one.get("value") or "" for name, one in document["playbook_variables"].items()}
        self.variables.update(variables)
        self.calls = []

    def run(self):
        workflow = self.document["workflow"]
        try:
            self.chain(workflow[self.document["workflow_start"]]["on_completion"])
            return True
        except StepFailed:
            self.chain(self.document["workflow_exception"])
            return False

    def chain(self, step_id):
        while step_id:
            step = self.document["workflow"][step_id]
            if step["type"] == "end":
                return
            try:
                getattr(self, step["type"].replace("-", "_"))(step)
            except StepFailed:
                if "on_completion" not in step:
                    raise
            step_id = step.get("on_success") or step.get("on_completion")

    def fill(self, text):
        return re.sub(r"(__[A-Za-z0-9_-]+?__):value", lambda found: str(self.variables[found.group(1)]), text)

    def action(self, step):
        for command in step["commands"]:
            if command["type"] == "http-api":
                self.http(step, command)
            elif command["type"] == "manual":
                approved = self.answer(self.fill(command["command"]))
                for name in step.get("out_args", []):
                    self.variables[name] = ("true" if approved else "false") if "approved" in name else ("approve" if approved else "deny")
            else:
                raise StepFailed(command["type"])

    def http(self, step, command):
        verb, target, _ = self.fill(command["command"]).split(" ")
        headers = {name: self.fill(values[0]) for name, values in command.get("headers", {}).items()}
        headers["Authorization"] = f"Bearer {self.token}"
        body = self.fill(command.get("content", "")).encode()
        for _ in range(60):
            request = urllib.request.Request(self.base + target, data=body, method=verb, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=60, context=self.context) as reply:
                    status, text = reply.status, reply.read()
            except urllib.error.HTTPError as error:
                self.calls.append((target, error.code))
                raise StepFailed(f"{target}: {error.code} {error.read()[:300]}") from error
            self.calls.append((target, status))
            if status != 202:
                break
            time.sleep(0.2)
        else:
            raise StepFailed(f"{target}: still under way")
        answer = json.loads(text)
        for name in step.get("out_args", []):
            field = name.strip("_")[len(step["name"]) + 1:]
            value = answer[field]
            self.variables[name] = value if isinstance(value, str) else json.dumps(value)

    def if_condition(self, step):
        self.chain(step["on_true"] if self.holds(step["condition"]) else step.get("on_false"))

    def while_condition(self, step):
        while self.holds(step["condition"]):
            self.chain(step["on_true"])

    def parallel(self, step):
        for branch in step["next_steps"]:
            self.chain(branch)

    def holds(self, condition):
        tokens, at = [], 0
        while at < len(condition.rstrip()):
            found = TOKEN.match(condition, at)
            if not found:
                raise StepFailed(f"condition: {condition[at:]}")
            tokens.append(found)
            at = found.end()
        position = 0

        def value():
            nonlocal position
            token = tokens[position]
            position += 1
            if token.group(1):
                return str(self.variables[token.group(1)])
            return token.group(2) if token.group(2) is not None else token.group(6)

        def unary():
            nonlocal position
            if tokens[position].group(3) == "NOT":
                position += 1
                return not unary()
            if tokens[position].group(5) == "(":
                position += 1
                inner = either()
                position += 1
                return inner
            left, sign = value(), tokens[position].group(4)
            position += 1
            right = value()
            if sign in ("=", "!="):
                return (left == right) == (sign == "=")
            left, right = float(left), float(right)
            return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign]

        def both():
            nonlocal position
            result = unary()
            while position < len(tokens) and tokens[position].group(3) == "AND":
                position += 1
                result = unary() and result
            return result

        def either():
            nonlocal position
            result = both()
            while position < len(tokens) and tokens[position].group(3) == "OR":
                position += 1
                result = both() or result
            return result

        return either()
