"""A small TAXII 2.1 server that answers as real ones do, for the demo and the tests.

    taxii_server.py --ready-file FILE --store FOLDER --user NAME --password-file FILE
                    [--max-content-length N] [--unavailable N] [--reject TYPE] [--pending N]

Media type application/taxii+json;version=2.1 on Accept (406 without the version) and Content-Type (415 without it);
chunked uploads 400; too large 413; no credentials 401; unknown collection 404; read-only collection 403; malformed 422.
A post answers 202 with a status resource; re-posting the same id and modified succeeds. Every accepted body is kept,
byte for byte, in the store folder. --unavailable answers 503 to the first N posts; --reject refuses objects of a type;
--pending leaves a status pending for its first N readings.
"""
import argparse
import base64
import http.server
import json
import pathlib
import re
import threading
import uuid

MEDIA = "application/taxii+json;version=2.1"
ROOT = "/api1/"
COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
READ_ONLY = "64993447-4d7e-4f70-b94d-d7f33742ee63"


class Store:
    def __init__(self, arguments):
        self.arguments = arguments
        self.credentials = f"{arguments.user}:{arguments.password_file.read_text().strip()}"
        self.lock = threading.Lock()
        self.objects = {}
        self.statuses = {}
        self.readings = {}
        self.unavailable = arguments.unavailable
        self.bodies = 0
        arguments.store.mkdir(parents=True, exist_ok=True)

    def add(self, body, envelope):
        successes, failures = [], []
        with self.lock:
            self.bodies += 1
            (self.arguments.store / f"body-{self.bodies}.json").write_bytes(body)
            for item in envelope["objects"]:
                version = item.get("modified", item.get("created", ""))
                entry = {"id": item["id"], "version": version}
                if item.get("type") == self.arguments.reject:
                    failures.append({**entry, "message": f"objects of type {item['type']} are not accepted here"})
                    continue
                known = (item["id"], version) in self.objects
                self.objects[(item["id"], version)] = item
                successes.append({**entry, "message": "Object already added" if known else "Successfully added object"})
            identifier = str(uuid.uuid4())
            status = {"id": identifier, "status": "complete", "total_count": len(envelope["objects"]),
                      "success_count": len(successes), "successes": successes,
                      "failure_count": len(failures), "failures": failures, "pending_count": 0, "pendings": []}
            self.statuses[identifier] = status
            self.readings[identifier] = 0
        return identifier

    def status(self, identifier, count_reading):
        with self.lock:
            if identifier not in self.statuses:
                return None
            if count_reading:
                self.readings[identifier] += 1
            full = self.statuses[identifier]
            if self.readings[identifier] < self.arguments.pending:
                waiting = [{"id": s["id"], "version": s["version"]} for s in full["successes"]]
                return {**full, "status": "pending", "success_count": 0, "successes": [],
                        "pending_count": len(waiting), "pendings": waiting}
            return full


def make_handler(store):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", MEDIA)
            self.send_header("Content-Length", str(len(data)))
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="taxii"')
            self.end_headers()
            self.wfile.write(data)

        def refuse(self, status, title):
            # The body of a refused post was not read: the connection cannot be reused.
            self.close_connection = True
            self.answer(status, {"title": title, "http_status": str(status)})

        def admitted(self):
            given = self.headers.get("Authorization", "")
            expected = "Basic " + base64.b64encode(store.credentials.encode()).decode()
            if given != expected:
                self.refuse(401, "no valid credentials")
                return False
            accepted = self.headers.get("Accept", "").replace(" ", "")
            if accepted != MEDIA:
                self.refuse(406, f"Accept must be {MEDIA}")
                return False
            return True

        def do_GET(self):
            if not self.admitted():
                return
            address = f"http://{self.headers.get('Host', 'localhost')}"
            match = re.fullmatch(re.escape(ROOT) + r"status/([0-9a-f-]+)/", self.path)
            if self.path == "/taxii2/":
                self.answer(200, {"title": "Test exchange", "default": address + ROOT, "api_roots": [address + ROOT]})
            elif self.path == ROOT:
                self.answer(200, {"title": "Test root", "versions": [MEDIA],
                                  "max_content_length": store.arguments.max_content_length})
            elif self.path == ROOT + "collections/":
                self.answer(200, {"collections": [
                    {"id": COLLECTION, "title": "Incidents", "can_read": True, "can_write": True, "media_types": [MEDIA]},
                    {"id": READ_ONLY, "title": "Archive", "can_read": True, "can_write": False, "media_types": [MEDIA]}]})
            elif match and store.status(match.group(1), False) is not None:
                self.answer(200, store.status(match.group(1), True))
            else:
                self.refuse(404, "no such resource")

        def do_POST(self):
            if not self.admitted():
                return
            match = re.fullmatch(re.escape(ROOT) + r"collections/([0-9a-f-]+)/objects/", self.path)
            if not match or match.group(1) not in (COLLECTION, READ_ONLY):
                return self.refuse(404, "no such collection")
            if match.group(1) == READ_ONLY:
                return self.refuse(403, "this collection cannot be written")
            if self.headers.get("Content-Type", "").replace(" ", "") != MEDIA:
                return self.refuse(415, f"Content-Type must be {MEDIA}")
            if "Content-Length" not in self.headers or "Transfer-Encoding" in self.headers:
                return self.refuse(400, "Content-Length is required")
            length = int(self.headers["Content-Length"])
            if length > store.arguments.max_content_length:
                return self.refuse(413, "the envelope is too large")
            with store.lock:
                refuse_now = store.unavailable > 0
                store.unavailable -= 1 if refuse_now else 0
            if refuse_now:
                return self.refuse(503, "try again later")
            body = self.rfile.read(length)
            try:
                envelope = json.loads(body)
                for item in envelope["objects"]:
                    if not re.fullmatch(r"[a-z0-9-]+--[0-9a-f-]{36}", item["id"]):
                        raise ValueError(item["id"])
            except (ValueError, KeyError, TypeError):
                return self.answer(422, {"title": "not a valid envelope", "http_status": "422"})
            self.answer(202, store.status(store.add(body, envelope), False))

        def log_message(self, *arguments):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready-file", type=pathlib.Path, required=True)
    parser.add_argument("--store", type=pathlib.Path, required=True)
    parser.add_argument("--user", default="firebreak")
    parser.add_argument("--password-file", type=pathlib.Path, required=True)
    parser.add_argument("--max-content-length", type=int, default=1 << 20)
    parser.add_argument("--unavailable", type=int, default=0)
    parser.add_argument("--reject", default="")
    parser.add_argument("--pending", type=int, default=0)
    arguments = parser.parse_args()
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), make_handler(Store(arguments)))
    listener.daemon_threads = True
    temporary = arguments.ready_file.with_suffix(".tmp")
    temporary.write_text(f"http://127.0.0.1:{listener.server_address[1]}{ROOT}collections/{COLLECTION}/")
    temporary.rename(arguments.ready_file)
    listener.serve_forever()


if __name__ == "__main__":
    main()
