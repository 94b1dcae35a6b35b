# SPDX-License-Identifier: Apache-2.0
"""Stands in for an Elasticsearch or OpenSearch node, as far as the hook asks it: listens on a free port,
prints that, and answers as the file in argv[1] (JSON) says: {path: [status, body]}. A status of 0 never
answers. It holds argv[2] open as a node holds its indexes, and writes each request to argv[1].asked."""

import http.server
import json
import sys
import time


class Node(http.server.BaseHTTPRequestHandler):
    def reply(self):
        with open(sys.argv[1] + ".asked", "a", encoding="utf-8") as asked:
            asked.write(f"{self.command} {self.path} {self.headers.get('Authorization', '-')}\n")
        with open(sys.argv[1], encoding="utf-8") as file:
            status, body = json.load(file).get(self.path.split("?")[0], [404, "no such path"])
        if status == 0:
            time.sleep(60)
            return
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = reply

    def log_message(self, *unused):
        pass


with open(sys.argv[2], "w", encoding="ascii"), \
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Node) as server:
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()
