#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Input that no honest host would send. Each case ends with a valid request that is answered, and
memory within its bound."""

import json
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, main, wait_for  # noqa: E402

IDLE = 20  # MiB that the agent may keep, whatever has come


class Case(AgentTest):
    def setUp(self):
        super().setUp()
        self.host = self.start()
        self.marker = 1000

    def errors_until_sync(self):
        """Resets the parser as clients do; the errors that came before the sync's answer."""
        self.marker += 1
        self.host.send(b"\xff\n" + json.dumps({"execute": "guest-sync-delimited",
                                               "arguments": {"id": self.marker}}).encode() + b"\n")
        errors = []
        while True:
            line = self.host.read_line()
            if line == b'\xff{"return": %d}' % self.marker:
                self.assertEqual(errors.pop(), "JSON parse error, stray '\ufffd'")
                return errors
            reply = json.loads(line)
            self.assertEqual(list(reply), ["error"], line)  # and no id
            self.assertEqual(reply["error"]["class"], "GenericError")
            self.assertTrue(all(0x20 <= byte < 0x7f for byte in line), line)
            errors.append(reply["error"]["desc"])

    def assert_errors(self, data, *texts):
        self.host.send(data)
        self.assertEqual(self.errors_until_sync(), list(texts), data[:200])


class Texts(Case):
    """Where the reference gives the text, that is the text."""

    def test_strays(self):
        for data, shown in ((b"\xff", "\ufffd"), (b"\xfe", "\ufffd"), (b"\x00", ""),
                            (b"\x01", "\x01"), (b'{"execute":"guest-p\xff', '"guest-p\ufffd'),
                            (b'{"execute":"guest-p\n', '"guest-p\n'), (b"{@", "@")):
            with self.subTest(data):
                self.assert_errors(data, "JSON parse error, stray '%s'" % shown)
        self.assert_errors(b"\xff\xff\xff\n", *["JSON parse error, stray '\ufffd'"] * 3)

    def test_grammar(self):
        for data, text in (
                (b'{"execute": }', "expecting value"),
                (b"}", "expecting value"),
                (b",\n", "expecting value"),
                (b'{"a" 1}', "missing : in object pair"),
                (b'{"a": 1 "b": 2}', "expected separator in dict"),
                (b"[1 2]", "expected separator in list"),
                (b"{1: 2}", "key is not a string in object"),
                (b'{"a": 1, "a": 2}', "duplicate key"),
                (b'{"a": nul}', "invalid keyword 'nul'"),
                (b'{"a": "\\q"}', "invalid escape sequence in string"),
                (b'{"a": "\\ud800"}', "\\ud800 is not a valid Unicode character")):
            with self.subTest(data):
                self.assert_errors(data, "JSON parse error, " + text)

    def test_invalid_utf8(self):
        for text in (b"\xc3\x28", b"\xe2\x82", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80",
                     b"\xc1\xbf", b"\x80", b"\xf4\x90\x80\x80", b"\xef\xbf\xbf"):
            with self.subTest(text):
                self.assert_errors(b'{"execute": "' + text + b'"}',
                                   "JSON parse error, invalid UTF-8 sequence in string")

    def test_no_json_of_ours(self):
        for data in (b"{'a': +1}", b"{'a': .5}", b"{'a': 5.}", b"{'a': 01}", b"{'a': 0e1}",
                     b"{a: 1}", b"/* x */", b"# x\n", b"[1,]", b"{'a': 1,}"):
            with self.subTest(data):
                self.host.send(data)
                self.assertTrue(self.errors_until_sync(), data)

    def test_requests_that_are_none(self):
        for data, text in (
                (b"[]", "QMP input must be a JSON object"),
                (b"1 ", "QMP input must be a JSON object"),
                (b'"x"', "QMP input must be a JSON object"),
                (b"{}", "QMP input lacks member 'execute'"),
                (b'{"execute": null}', "QMP input member 'execute' must be a string"),
                (b'{"execute": "guest-ping", "arguments": []}',
                 "QMP input member 'arguments' must be an object"),
                (b'{"execute": "guest-ping", "control": 1}',
                 "QMP input member 'control' is unexpected")):
            with self.subTest(data):
                self.assert_errors(data, text)

    def test_numbers_outside_64_bits(self):
        for number in ("9223372036854775808", "18446744073709551615", "18446744073709551616",
                       "-9223372036854775809", "1e400", "-1e999", "1.0", "9" * 5000):
            with self.subTest(number[:30]):
                self.host.send('{"execute": "guest-sync", "arguments": {"id": %s}}' % number)
                self.assert_error(self.host.read(),
                                  "Invalid parameter type for 'id', expected: integer")
        self.host.send('{"execute": "guest-sync", "arguments": {"id": -9223372036854775808}}')
        self.assertEqual(self.host.read(), {"return": -9223372036854775808})
        for number in (9223372036854775807, 18446744073709551615, -0.1):
            self.assertEqual(self.host.ask("guest-ping", id=number), {"return": {}, "id": number})

    def test_nul_inside_strings(self):
        self.host.send(b'{"execute": "guest-ping\\u0000x"}')
        self.assert_error(self.host.read(), "The command guest-ping", "CommandNotFound")
        self.host.send(b'{"execute": "guest-ping", "id": "a\\u0000b"}')
        self.assertEqual(self.host.read(), {"return": {}, "id": "a\0b"})
        self.host.send(b'{"execute": "guest-ping", "arguments": {"a\\u0000b": 1}}')
        self.assert_error(self.host.read(), "is unexpected")
        self.assertEqual(self.errors_until_sync(), [])


class Streams(Case):
    def test_garbage(self):
        self.host.send(bytes(range(256)) * 64)
        self.assertTrue(self.errors_until_sync())
        self.assert_memory_below(IDLE)

    def test_0xff_anywhere(self):
        request = b'{"execute": "guest-ping"}'
        for place in range(1, len(request)):
            self.host.send(request[:place] + b"\xff" + request[place:])
            self.assertTrue(self.errors_until_sync(), place)
        for data in (b"\xff" + request, request + b"\xff"):
            self.host.send(data)
            replies = [self.host.read(), self.host.read()]
            self.assertIn({"return": {}}, replies)
            self.assertTrue(any("error" in reply for reply in replies))
        self.assert_memory_below(IDLE)

    def test_a_byte_at_a_time(self):
        self.host.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for byte in b'{"execute": "guest-sync", "arguments": {"id": 5}}' * 20:
            self.host.send(bytes([byte]))
        for _ in range(20):
            self.assertEqual(self.host.read(), {"return": 5})

    def test_ten_thousand_requests_in_one_write(self):
        requests = b"".join(b'{"execute":"guest-sync","arguments":{"id":%d}}' % number
                            for number in range(10000))
        self.host.send(requests)
        for number in range(10000):
            self.assertEqual(self.host.read(), {"return": number})
        self.assert_memory_below(IDLE)

    def test_ten_thousand_long_replies_in_one_write(self):
        # From a thread: the agent stops reading when nobody reads its replies.
        sender = threading.Thread(target=self.host.socket.sendall,
                                  args=(b'{"execute":"guest-info"}' * 10000,))
        sender.start()
        self.addCleanup(sender.join)
        for _ in range(10000):
            self.assertIn("return", self.host.read())
        self.assert_memory_below(IDLE)

    def test_ten_thousand_that_take_their_turn(self):
        self.host.send(b'{"execute":"frostline-list-hooks"}' * 10000)
        answers = {"return": 0, "busy": 0}
        for _ in range(10000):
            reply = self.host.read()
            if "return" not in reply:
                self.assert_error(reply, "busy: ")
            answers["return" if "return" in reply else "busy"] += 1
        self.assertGreater(answers["return"], 0)
        self.assertEqual(self.errors_until_sync(), [])
        self.assert_memory_below(IDLE)


class Sizes(Case):
    def test_nesting(self):
        limit = "JSON nesting depth limit exceeded"
        self.assert_errors(b"[" * 1024 + b"]" * 1024, "QMP input must be a JSON object")
        self.assert_errors(b"[" * 1025 + b"]" * 1025, limit)
        self.assert_errors(b'{"a":' * 1025 + b"1" + b"}" * 1025, limit)
        for opening in (b"[", b'{"a":', b'[{"a":'):
            self.assert_errors(opening * 1000000, limit)
        self.assert_memory_below(IDLE)

    def test_an_id_of_any_depth_comes_back(self):
        deep = b"[" * 1023 + b"]" * 1023
        self.host.send(b'{"execute": "guest-ping", "id": ' + deep + b"}")
        self.assertIn(deep, self.host.read_line())

    def pour(self, opening, chunk, mebibytes, highest_allowed):
        self.host.send(opening)
        highest = 0
        for _ in range(mebibytes):
            self.host.send(chunk * ((1 << 20) // len(chunk)))
            highest = max(highest, self.agent.memory())
        self.assertLessEqual(len(self.errors_until_sync()), 1)
        self.agent_is_small()
        self.assertLess(highest >> 20, highest_allowed)

    def agent_is_small(self):
        begin = time.monotonic()
        wait_for(lambda: self.agent.memory() < IDLE << 20 or time.monotonic() - begin > 5,
                 "the memory to come back")
        self.assert_memory_below(IDLE)

    def test_strings_without_an_end(self):
        for opening in (b'{"execute": "', b'{"', b"'", b'["'):
            with self.subTest(opening):
                self.pour(opening, b"x", 70, 220)
        self.pour(b'{"execute": "', b"\\u0000", 70, 220)

    def test_numbers_and_words_without_an_end(self):
        self.pour(b"[", b"1", 70, 220)
        self.pour(b"[", b"a", 70, 220)

    def test_white_space_without_an_end(self):
        self.pour(b"[", b" \n", 70, IDLE)
        self.pour(b"", b"\n", 20, IDLE)

    def test_elements_without_an_end(self):
        self.pour(b"[", b"1,", 20, 220)
        self.pour(b"[", b'"",', 20, 220)
        self.pour(b"[", b"[],", 20, 220)
        self.pour(b"[", b"{},", 20, 220)

    def test_members_without_an_end(self):
        self.host.send(b"{")
        highest = 0
        for start in range(0, 2000000, 50000):
            self.host.send(b"".join(b'"%d":1,' % number
                                    for number in range(start, start + 50000)))
            highest = max(highest, self.agent.memory())
        self.assertLessEqual(len(self.errors_until_sync()), 1)
        self.agent_is_small()
        self.assertLess(highest >> 20, 220)

    def test_the_longest_message_that_is_taken(self):
        filler = b"x" * (60 << 20)
        self.host.send(b'{"execute": "guest-ping", "arguments": {"a": "' + filler + b'"}}')
        self.assert_error(self.host.read(timeout=30), "Parameter 'a' is unexpected")
        self.host.send(b'{"execute": "' + filler + b'"}')
        reply = self.host.read(timeout=30)
        self.assert_error(reply, "The command xxxx", "CommandNotFound")
        self.assertLess(len(reply["error"]["desc"]), 20000)
        self.host.send(b'{"execute": "guest-ping", "id": "' + filler + b'"}')
        self.assert_error(self.host.read(timeout=30), "is longer than the limit of 4194304")
        self.agent_is_small()


if __name__ == "__main__":
    main()
