"""A small model server: serves whatever `current` points to and measures its own live accuracy.

    model_server.py --current PATH --ready-file FILE

GET /metrics   digits_accuracy{model_name,environment} over the last 200 labelled requests, digits_requests_total{answer}
POST /predict  {"pixels": [64 numbers], "label": optional truth} -> {"answer": 7, "source": "model"} or the safe answer
POST /reload   reads `current` again; the agent's reload hook calls it
GET /serving   {"source": "model" | "safe", "path": ...}

When `current` is missing or holds CONTAINED.json it gives the safe answer: no digit, "a person must look".
It binds port 0 on loopback and writes the address to the ready file.
"""
import argparse
import collections
import http.server
import json
import os
import pathlib
import threading

import numpy


class Model:
    def __init__(self, folder):
        weights = json.loads((folder / "weights.json").read_text())
        self.classes = numpy.array(weights["classes"])
        self.coefficients = numpy.array(weights["coefficients"])
        self.intercepts = numpy.array(weights["intercepts"])

    def predict(self, pixels):
        return int(self.classes[numpy.argmax(self.coefficients @ numpy.array(pixels) + self.intercepts)])


def find_weights(current):
    """The folder with weights.json at or one level below `current` (a release keeps its parts in folders)."""
    for folder in [current, current / "model"]:
        if (folder / "weights.json").is_file():
            return folder
    return None


class Server:
    def __init__(self, current):
        self.current = current
        self.lock = threading.Lock()
        self.outcomes = collections.deque(maxlen=200)
        self.answers = collections.Counter()
        self.model = None
        self.path = ""
        self.reload()

    def reload(self):
        folder = None if (self.current / "CONTAINED.json").exists() else find_weights(self.current)
        model = Model(folder) if folder else None
        with self.lock:
            self.model = model
            self.path = os.path.realpath(folder) if folder else ""
            # Accuracy is a property of what serves now; a new model starts with a clean window.
            self.outcomes.clear()

    def predict(self, request):
        with self.lock:
            model = self.model
        if model is None:
            with self.lock:
                self.answers["safe"] += 1
            return {"answer": None, "source": "safe", "message": "the model is out of service; a person must look"}
        answer = model.predict(request["pixels"])
        with self.lock:
            self.answers["model"] += 1
            if "label" in request:
                self.outcomes.append(answer == request["label"])
        return {"answer": answer, "source": "model"}

    def metrics(self):
        with self.lock:
            lines = ["# HELP digits_accuracy Share of right answers over the last 200 labelled requests.",
                     "# TYPE digits_accuracy gauge"]
            # While contained nothing is measured: the series is absent, so an accuracy alert resolves only
            # once a model answers well again or the rule says otherwise.
            if len(self.outcomes) >= 50:
                accuracy = sum(self.outcomes) / len(self.outcomes)
                lines.append(f"digits_accuracy {accuracy:.4f}")
            lines.append("# TYPE digits_serving gauge")
            lines.append(f"digits_serving {0 if self.model is None else 1}")
            lines.append("# TYPE digits_requests_total counter")
            for source in ("model", "safe"):
                lines.append(f'digits_requests_total{{answer="{source}"}} {self.answers[source]}')
        return "\n".join(lines) + "\n"


def make_handler(server):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, body, media="application/json"):
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            if self.path == "/metrics":
                self.answer(200, server.metrics(), "text/plain; version=0.0.4")
            elif self.path == "/serving":
                with server.lock:
                    source = "safe" if server.model is None else "model"
                    path = server.path
                self.answer(200, json.dumps({"source": source, "path": path}))
            else:
                self.answer(404, json.dumps({"error": "no such page"}))

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path == "/reload":
                server.reload()
                self.answer(200, json.dumps({"ok": True}))
            elif self.path == "/predict":
                self.answer(200, json.dumps(server.predict(json.loads(body))))
            else:
                self.answer(404, json.dumps({"error": "no such page"}))

        def log_message(self, *arguments):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--current", type=pathlib.Path, required=True)
    parser.add_argument("--ready-file", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), make_handler(Server(arguments.current)))
    listener.daemon_threads = True
    temporary = arguments.ready_file.with_suffix(".tmp")
    temporary.write_text(f"127.0.0.1:{listener.server_address[1]}")
    temporary.rename(arguments.ready_file)
    listener.serve_forever()


if __name__ == "__main__":
    main()
