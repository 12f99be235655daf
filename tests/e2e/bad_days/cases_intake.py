"""What monitors and strangers send to the HTTP door."""
import http.client
import json
import os
import signal
import socket
import ssl

from service import CliCase, world

ALERTS = "/ingest/prometheus/api/v2/alerts"


class Intake(CliCase):
    def setUp(self):
        self.number = getattr(type(self), "count", 0)
        type(self).count = self.number + 1

    def connect(self):
        return http.client.HTTPSConnection(self.service.http, timeout=20, context=world.trust(self.service.ca))

    def post(self, body, path=ALERTS, who="mo", media="application/json", method="POST"):
        connection = self.connect()
        headers = {"Content-Type": media}
        if who:
            headers["Authorization"] = "Bearer " + self.service.tokens[who].read_text().strip()
        try:
            connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def good_alert_opens_its_incident(self, model):
        status, said = self.post([{"labels": {"alertname": "Low", "model_name": model, "env": "prod", "kind": "drift"}}])
        self.assertEqual(status, 200, said)
        incidents = self.json(self.service.vi, "incident", "list").get("incidents", [])
        self.assertEqual([incident["model"] for incident in incidents].count(model), 1)
        self.assertIsNone(self.service.server.unexpected)

    def test_malformed_alerts_are_refused_and_the_next_good_one_counts(self):
        deep_label = b'[{"labels":{"a":' + b'{"x":' * 5000 + b"1" + b"}" * 5000 + b"}}]"
        for name, body in (("cut off", b'[{"labels":'), ("no list", b"{}"), ("no object", b"[1]"), ("no labels", b'[{"labels":{}}]'),
                           ("not UTF-8", b'[{"labels":{"a":"\xff\xfe"}}]'), ("half a surrogate", b'[{"labels":{"a":"\\ud800"}}]'),
                           ("nested lists", b"[" * 100_000), ("nested label", deep_label), ("zeros", b"\x00" * 1000),
                           ("a label name of two words", b'[{"labels":{"a b":"c"}}]'), ("a number as label", b'[{"labels":{"a":1}}]'),
                           ("ends before it starts", b'[{"labels":{"a":"1"},"startsAt":"2026-01-02T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}]'),
                           ("a time that is none", b'[{"labels":{"a":"1"},"startsAt":"yesterday"}]')):
            status, said = self.post(body)
            self.assertEqual(status, 400, f"{name}: {said}")
            self.assertLess(len(said), 2000, name)
        self.assertEqual(self.post(b"")[0], 422)
        self.good_alert_opens_its_incident("after-malformed")

    def test_one_bad_alert_in_a_batch_is_named_and_the_good_ones_are_kept(self):
        batch = [{"labels": {"alertname": "Kept", "position": "first"}}, {"labels": {}}, {"labels": {"alertname": "Kept", "position": "last"}}]
        status, said = self.post(batch)
        self.assertEqual(status, 400, said)
        kept = [alert for alert in self.json(self.service.vi, "alert", "list")["alerts"] if alert["labels"].get("alertname") == "Kept"]
        self.assertEqual(len(kept), 2)

    def test_oversized_alerts_are_refused_by_size_before_they_are_read(self):
        try:
            status, said = self.post([{"labels": {"a": "x" * (20 << 20)}}])
            self.assertEqual(status, 413, said)
        except (ssl.SSLError, ConnectionError):
            pass  # the door closes while the caller still sends; what it answered is looked at below
        raw = socket.create_connection(self.service.http.split(":"))
        tls = world.trust(self.service.ca).wrap_socket(raw, server_hostname="127.0.0.1")
        tls.sendall(f"POST {ALERTS} HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 40}\r\n\r\n".encode())
        self.assertIn(b" 413 ", tls.recv(1000))
        tls.close()
        self.good_alert_opens_its_incident("after-oversized")

    def test_the_wrong_caller_method_path_or_type_is_told_so(self):
        alert = [{"labels": {"a": "b"}}]
        for wanted, arguments in ((401, {"who": None}), (403, {"who": "vi"}), (405, {"method": "PUT"}), (404, {"path": "/nothing/here"}),
                                  (400, {"path": "/ingest/alertmanager-webhook"})):
            status, said = self.post(alert, **arguments)
            self.assertEqual(status, wanted, f"{arguments}: {said}")

    def test_bytes_that_are_no_http_and_no_tls_harm_nobody(self):
        host, port = self.service.http.split(":")
        for blob in (b"\x00" * 5000, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 3000):
            with socket.create_connection((host, int(port))) as raw:
                raw.sendall(blob)
        context = world.trust(self.service.ca)
        for blob in (b"A" * 100_000 + b"\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                     b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"GET /" + b"%00" * 100 + b" HTTP/1.1\r\nHost: x\r\n\r\n"):
            with socket.create_connection((host, int(port))) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
                tls.settimeout(10)
                try:
                    tls.sendall(blob)
                    answer = tls.recv(4096)
                except (ConnectionError, ssl.SSLError):
                    continue
                self.assertNotIn(b" 200 ", answer[:20])
        self.good_alert_opens_its_incident("after-noise")

    def test_callers_that_never_finish_do_not_keep_others_out(self):
        host, port = self.service.http.split(":")
        context, held = world.trust(self.service.ca), []
        for _ in range(40):
            tls = context.wrap_socket(socket.create_connection((host, int(port))), server_hostname="127.0.0.1")
            tls.sendall(f"POST {ALERTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[".encode())
            held.append(tls)
        self.good_alert_opens_its_incident("beside-slow")
        for tls in held:
            tls.close()

    def test_an_acknowledged_alert_survives_a_kill_at_once(self):
        labels = {"alertname": "Survivor", "model_name": "survivor", "env": "prod", "kind": "drift"}
        status, said = self.post([{"labels": labels}])
        server = self.service.server
        with server.lock:
            server.revive = True
        os.kill(server.child.pid, signal.SIGKILL)
        self.assertEqual(status, 200, said)
        world.wait_for("the service to be back", lambda: server.crashes > 0 and self.service.vi.raw("whoami").returncode == 0, 30)
        with server.lock:
            server.revive = False
        alerts = self.json(self.service.vi, "alert", "list")["alerts"]
        self.assertIn(labels, [alert["labels"] for alert in alerts])
        incidents = self.json(self.service.vi, "incident", "list")["incidents"]
        self.assertEqual([incident["model"] for incident in incidents].count("survivor"), 1)
