"""Downloads in every odd way: odd-client.py HOST FILE, one line for each: its name, then ok or why not."""
import ftplib, re, socket, sys, time

host, path = sys.argv[1:3]
want = open(path, "rb").read()


def session(user):
    f = ftplib.FTP()
    f.connect(host, 21, timeout=4)
    f.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    f.login(user, "labpass")
    f.voidcmd("TYPE I")
    return f


def fetch(f, data):
    """RETR, once the data connection can be had."""
    f.putcmd("RETR pub/small.txt")
    s = data()
    reply = f.getresp()
    assert reply[0] == "1", reply
    got = b""
    while True:
        b = s.recv(65536)
        if not b:
            break
        got += b
    s.close()
    reply = f.getresp()
    assert reply[0] == "2", reply
    assert got == want, "%d bytes" % len(got)
    f.quit()


def passive(user, command="PASV"):
    f = session(user)
    if user == "merged":
        f.sock.sendall(b"NOOP\r\nPASV\r\n")
        f.getresp()
    else:
        f.putcmd(command)
    reply = f.getresp()
    if command == "EPSV":
        port = int(re.search(r"\|\|\|(\d+)\|", reply).group(1))
    else:
        n = re.findall(r"\d+\s*,\s*\d+\s*,\s*\d+\s*,\s*\d+\s*,\s*\d+\s*,\s*\d+", reply)[-1]
        n = [int(x) for x in n.split(",")]
        port = n[4] * 256 + n[5]
    fetch(f, lambda: socket.create_connection((host, port), timeout=4))  # the careful client's way


def active(pieces, before=None):
    """pieces: what makes of the line PORT h1,h2,h3,h4,p1,p2 the segments that are sent."""
    f = session("plain")
    own = f.sock.getsockname()[0]
    listener = socket.create_server((own, 0))
    listener.settimeout(4)
    port = listener.getsockname()[1]
    numbers = "%s,%d,%d" % (own.replace(".", ","), port >> 8, port & 255)
    for piece in pieces(numbers.encode()):
        f.sock.sendall(piece)
        time.sleep(0.01)
    replies = 2 if before else 1
    for _ in range(replies):
        reply = f.getresp()
        assert reply[0] == "2", reply
    fetch(f, lambda: listener.accept()[0])


def eprt():
    f = session("plain")
    own = f.sock.getsockname()[0]
    listener = socket.create_server((own, 0))
    listener.settimeout(4)
    line = b"EPRT |1|%s|%d|\r\n" % (own.encode(), listener.getsockname()[1])
    for i in range(len(line)):
        f.sock.sendall(line[i:i + 1])
        time.sleep(0.01)
    assert f.getresp()[0] == "2"
    fetch(f, lambda: listener.accept()[0])


def pipelined():
    """As lftp does with sync-mode off: everything at once."""
    f = session("plain")
    own = f.sock.getsockname()[0]
    listener = socket.create_server((own, 0))
    listener.settimeout(4)
    port = listener.getsockname()[1]
    f.sock.sendall(b"NOOP\r\nPORT %s,%d,%d\r\nRETR pub/small.txt\r\n" % (own.replace(".", ",").encode(), port >> 8, port & 255))
    s = listener.accept()[0]
    got = b""
    while True:
        b = s.recv(65536)
        if not b:
            break
        got += b
    for _ in range(4):
        f.getresp()
    assert got == want, "%d bytes" % len(got)
    f.quit()


def mistyped():
    """A typing error opens nothing and costs nothing: the session goes on."""
    f = session("plain")
    try:
        f.sendcmd("PORT 1,2,3")
    except ftplib.Error as e:
        assert str(e)[0] == "5", e
    f.putcmd("PASV")
    n = [int(x) for x in re.search(r"\((.*)\)", f.getresp()).group(1).split(",")]
    fetch(f, lambda: socket.create_connection((host, n[4] * 256 + n[5]), timeout=4))


CASES = [
    ("PORT byte by byte", lambda: active(lambda n: [bytes([b]) for b in b"PORT " + n + b"\r\n"])),
    ("PORT and its CRLF apart", lambda: active(lambda n: [b"PORT " + n, b"\r\n"])),
    ("PORT and its LF apart", lambda: active(lambda n: [b"PORT " + n + b"\r", b"\n"])),
    ("EPRT byte by byte", eprt),
    ("PORT after NOOP in one segment", lambda: active(lambda n: [b"NOOP\r\nPORT " + n + b"\r\n"], True)),
    ("pipelined PORT and RETR", pipelined),
    ("telnet IAC before PORT", lambda: active(lambda n: [b"\xff\xf1PORT " + n + b"\r\n"])),
    ("PORT with two blanks", lambda: active(lambda n: [b"PORT  " + n + b"\r\n"])),
    ("PORT with a blank behind", lambda: active(lambda n: [b"PORT " + n + b" \r\n"])),
    ("PORT with a tab", lambda: active(lambda n: [b"PORT\t" + n + b"\r\n"])),
    ("PORT with a bare LF", lambda: active(lambda n: [b"PORT " + n + b"\n"])),
    ("mistyped PORT", mistyped),
    ("227 byte by byte", lambda: passive("bytes")),
    ("227 and its CRLF apart", lambda: passive("crlf")),
    ("227 with blanks", lambda: passive("blanks")),
    ("227 without parentheses", lambda: passive("bare")),
    ("227 with an equals sign", lambda: passive("equals")),
    ("227 with a digit before", lambda: passive("digit")),
    ("227 inside its multi-line reply", lambda: passive("multiline")),
    ("227 with a bare LF", lambda: passive("lf")),
    ("227 behind another reply in one segment", lambda: passive("merged")),
    ("227 with a foreign address", lambda: passive("foreign")),
    ("229 with other parentheses", lambda: passive("extended", "EPSV")),
]

for name, run in CASES:
    try:
        run()
        print(name + ": ok", flush=True)
    except Exception as e:
        print("%s: %s %s" % (name, type(e).__name__, e), flush=True)
