"""A server whose dialogue is legitimate and odd: pyftpdlib, with replies in the form that the user
name asks for. odd-server.py HOST ROOT"""
import re, socket, sys, time
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

PASV = re.compile(r"^227 .*\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)")

# What the 227 reply looks like; %s is h1,h2,h3,h4,p1,p2.
FORMS = {
    "plain": "227 Entering Passive Mode (%s).",
    "blanks": "227 Entering Passive Mode (203, 0, 113, 20, 0, 0)",  # the address is put in below
    "bare": "227 %s",
    "equals": "227 =%s",
    "digit": "227 Passive 1 of 2 (%s)",
    "multiline": "227-Entering Passive Mode\r\n 227 is coming\r\n227 Entering Passive Mode (%s)",
    "foreign": "227 Entering Passive Mode (%s).",
    "bytes": "227 Entering Passive Mode (%s).",
    "crlf": "227 Entering Passive Mode (%s).",
    "lf": "227 Entering Passive Mode (%s).",
    "merged": "227 Entering Passive Mode (%s).",
    "extended": "227 Entering Passive Mode (%s).",
}


class Odd(FTPHandler):
    held = b""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.set_terminator(b"\n")

    def found_terminator(self):
        # As lenient as a telnet stream's reader should be: IAC NOP, tabs, blanks, bare LF.
        line = b"".join(self._in_buffer).replace(b"\xff\xf1", b"")
        line = re.sub(rb"^(\w+)[ \t]+", rb"\1 ", line.rstrip(b"\r\n\t "))
        self._in_buffer = [line]
        self._in_buffer_len = len(line)
        super().found_terminator()

    def respond(self, resp, logfun=None):
        form = self.username or "plain"
        found = PASV.match(resp)
        if found:
            numbers = list(found.groups())
            if form == "foreign":
                numbers[:4] = ["10", "9", "9", "9"]
            if form == "blanks":
                resp = "227 Entering Passive Mode (%s)" % ", ".join(numbers)
            else:
                resp = FORMS[form] % ",".join(numbers)
        if form == "extended" and resp.startswith("229"):
            resp = resp.replace("Entering", "Entering (extended)")
        line = resp.encode() + (b"\n" if form == "lf" else b"\r\n")
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.last_response = resp
        if form == "merged" and resp.startswith("200 I successfully done nothing"):
            self.held = line  # goes with the next reply, in one segment
            return
        pieces = [self.held + line]
        self.held = b""
        if found and form == "bytes":
            pieces = [line[i:i + 1] for i in range(len(line))]
        if found and form == "crlf":
            pieces = [line[:-2], line[-2:-1], line[-1:]]
        for piece in pieces:
            self.socket.sendall(piece)
            if len(pieces) > 1:
                time.sleep(0.01)


authorizer = DummyAuthorizer()
for name in FORMS:
    authorizer.add_user(name, "labpass", sys.argv[2], perm="elradfmwMT")
Odd.authorizer = authorizer
Odd.permit_foreign_addresses = True
FTPServer((sys.argv[1], 21), Odd).serve_forever()
