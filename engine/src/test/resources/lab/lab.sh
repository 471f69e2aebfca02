#!/usr/bin/env bash
#
# lab.sh - a throw-away network in which real FTP servers and clients talk
#          through a gateway ("gw") that you control.
#
#     client ns  eth0 ------- c0  gw ns  s0 ------- eth0  server ns
#
# Topologies (lab.sh up TOPOLOGY)
#   routed  gw routes (ip_forward) between two subnets             [default]
#             client 198.51.100.10  2001:db8:1::10   gw .1 / ::1
#             server 203.0.113.20   2001:db8:2::20   gw .1 / ::1
#   bridge  gw joins c0 and s0 in a kernel bridge br0; gw has no IP address
#             client 192.0.2.10 2001:db8:3::10, server 192.0.2.20 2001:db8:3::20
#             (br_netfilter is on, so ip/ip6/inet "forward" chains see frames)
#   wire    as bridge, but c0 and s0 are NOT connected: nothing passes until a
#           program running in gw copies frames between c0 and s0 itself
# Extra addresses for third-party tests: .66 / ::66 on the client side and on
# the server side of the routed and bridged networks.
#
# Commands
#   prepare                     install the Debian packages the lab needs (root, apt)
#   up [routed|bridge|wire] [--rules FILE.nft]
#   down                        stop everything, remove the namespaces
#   rules FILE.nft|none         (re)load an nft rule set in gw; conntrack is flushed
#   server NAME [options]       vsftpd | proftpd | pure-ftpd | pyftpdlib | stop
#        --tls                  accept explicit TLS (self-signed certificate)
#        --port20|--no-port20   source port of active data connections: 20, or
#                               not.  Default: yes for vsftpd and pure-ftpd, no
#                               for proftpd (its own default) and pyftpdlib
#        --port N               control port (default 21)
#        --pasv-range A:B       passive port range
#        --pasv-address ADDR    address announced in 227
#        --foreign              accept PORT to third parties and low ports (bounce)
#   transfer [options]          run one real client, print PASS/FAIL/SKIP
#        -c curl|lftp|ncftp|tnftp|inetutils|ftplib     client   (default curl)
#        -m active|passive|eprt|epsv                   mode     (default passive)
#        -4 | -6                                       IP version (default 4)
#        -o get|put|ls|multi                           operation (default get)
#        -f small.txt|medium.bin|big.bin|evil.txt      file     (default small.txt)
#        -t SECONDS  give up after (default 10)        -p PORT  control port
#        -H HOST     connect to HOST instead of the server (for NAT tests)
#        --tls       explicit FTPS (curl, lftp, ftplib)
#   capture FILE [-i c0|s0|any] [tcpdump options]   start a capture in gw
#   capture stop                flush and stop the capture(s)
#   exec client|gw|server -- CMD...   run a command in a namespace
#   status                      show what is running
#   selftest                    try every server/client/mode pair without a filter
#
# Exit codes: 0 pass/ok, 1 fail, 2 usage or set-up error, 77 combination not
# supported by that client ("SKIP").
#
# Environment: LAB_NAME (default "ph"): namespace prefix; give different names
# to run several labs side by side.  LAB_DIR (default /tmp/pinhole-lab): state.
# LAB_PKG: where proftpd and pure-ftpd are unpacked.
#
set -u
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
LAB_NAME=${LAB_NAME:-ph}
LAB_BASE=${LAB_DIR:-/tmp/pinhole-lab}
D=$LAB_BASE/$LAB_NAME              # state of this lab
PKG=${LAB_PKG:-$LAB_BASE/pkg}      # unpacked server packages (shared by labs)
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PY=/usr/bin/python3                # Debian's python3 (has python3-pyftpdlib)
NC=$LAB_NAME-client NG=$LAB_NAME-gw NS=$LAB_NAME-server
USER_=lab PASS_=labpass

die()  { echo "lab: $*" >&2; exit 2; }
need_up() { [ -f "$D/topology" ] || die "lab '$LAB_NAME' is not up (lab.sh up)"; }
in_c() { ip netns exec "$NC" "$@"; }
in_g() { ip netns exec "$NG" "$@"; }
in_s() { ip netns exec "$NS" "$@"; }

addresses() {
  case $(cat "$D/topology") in
    routed) C4=198.51.100.10 S4=203.0.113.20 C6=2001:db8:1::10 S6=2001:db8:2::20 ;;
    *)      C4=192.0.2.10    S4=192.0.2.20   C6=2001:db8:3::10 S6=2001:db8:3::20 ;;
  esac
}

# ---------------------------------------------------------------- prepare ----
prepare() {
  export DEBIAN_FRONTEND=noninteractive
  # Keep package scripts from starting daemons on the host.
  local rc=/usr/sbin/policy-rc.d made=
  [ -e $rc ] || { printf '#!/bin/sh\nexit 101\n' >$rc; chmod +x $rc; made=1; }
  apt-get install -y --no-install-recommends \
    iproute2 ethtool nftables iptables conntrack tcpdump tshark tcpreplay nmap \
    vsftpd python3-pyftpdlib python3-openssl python3-scapy openssl procps \
    curl lftp ncftp tnftp inetutils-ftp \
    libhiredis0.14 libmemcached11 libmemcachedutil2 libpcre2-posix3 libsodium23 \
    || die "apt-get failed"
  [ -z "$made" ] || rm -f $rc
  # The Debian FTP servers conflict with one another, so proftpd and pure-ftpd
  # are unpacked beside the system instead of being installed.
  mkdir -p "$PKG/deb" && chmod 777 "$PKG/deb"
  ( cd "$PKG/deb" && apt-get download proftpd-core proftpd-mod-crypto pure-ftpd ) \
    || die "apt-get download failed"
  local f
  for f in "$PKG"/deb/*.deb; do dpkg-deb -x "$f" "$PKG" || die "cannot unpack $f"; done
  echo "OK prepared"
}

check_tools() {
  local t
  for t in ip nft tcpdump ethtool vsftpd curl lftp ncftpget tnftp inetutils-ftp; do
    command -v $t >/dev/null || die "missing $t: run '$0 prepare' as root"
  done
  [ -x "$PKG/usr/sbin/proftpd" ] && [ -x "$PKG/usr/sbin/pure-ftpd" ] \
    || die "proftpd/pure-ftpd not unpacked: run '$0 prepare' as root"
}

# ------------------------------------------------------------------- up ------
no_offload() { # ns dev : real MTU-sized packets with real checksums
  ip netns exec "$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null 2>&1
  ip netns exec "$1" ip link set "$2" gso_max_segs 1 2>/dev/null
}

make_files() {
  mkdir -p "$D/srv/pub" "$D/srv/incoming" "$D/cli"
  "$PY" - "$D/srv/pub" <<'PYEOF'
import os, random, sys
d = sys.argv[1]; r = random.Random(21)
def w(n, b): open(os.path.join(d, n), 'wb').write(b)
w('small.txt', b''.join(b'line %03d of the small file\n' % i for i in range(40)))
w('medium.bin', bytes(r.getrandbits(8) for _ in range(60000)))
w('big.bin', bytes(r.getrandbits(8) for _ in range(4 << 20)))
# Text that looks like FTP protocol inside a data connection.
w('evil.txt', b'227 Entering Passive Mode (203,0,113,20,0,22)\r\n'
              b'229 Entering Extended Passive Mode (|||22|)\r\n'
              b'PORT 198,51,100,10,0,22\r\nEPRT |1|198.51.100.10|22|\r\n' * 3)
PYEOF
  chmod 755 "$D" "$D/srv" "$D/srv/pub"; chmod 777 "$D/srv/incoming"; chmod 644 "$D"/srv/pub/*
}

up() {
  [ "$(id -u)" = 0 ] || die "needs root"
  local topo=routed rules=
  while [ $# -gt 0 ]; do case $1 in
    routed|bridge|wire) topo=$1 ;;
    --rules) rules=${2:?}; shift ;;
    *) die "up: unknown argument $1" ;; esac; shift; done
  [ ${#LAB_NAME} -le 8 ] || die "LAB_NAME too long"
  check_tools
  [ ! -f "$D/topology" ] || down >/dev/null
  mkdir -p "$D" && echo "$topo" >"$D/topology"
  make_files
  local n
  for n in $NC $NG $NS; do ip netns add "$n" || die "cannot create namespace $n"; done
  ip -n $NC link add eth0 address 02:00:00:00:01:10 type veth peer name c0 netns $NG address 02:00:00:00:01:01
  ip -n $NS link add eth0 address 02:00:00:00:02:20 type veth peer name s0 netns $NG address 02:00:00:00:02:01
  no_offload $NC eth0; no_offload $NG c0; no_offload $NG s0; no_offload $NS eth0
  for n in $NC $NG $NS; do
    ip netns exec $n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
      net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
      net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0
    ip -n $n link set lo up
  done
  for n in "$NC eth0" "$NS eth0" "$NG c0" "$NG s0"; do
    set -- $n
    ip netns exec $1 sysctl -qw net.ipv6.conf.$2.accept_dad=0
    ip -n $1 link set $2 up
  done
  if [ $topo = routed ]; then
    ip -n $NC addr add 198.51.100.10/24 dev eth0; ip -n $NC addr add 198.51.100.66/24 dev eth0
    ip -n $NS addr add 203.0.113.20/24  dev eth0; ip -n $NS addr add 203.0.113.66/24  dev eth0
    ip -n $NC addr add 2001:db8:1::66/64 dev eth0 nodad preferred_lft 0; ip -n $NC addr add 2001:db8:1::10/64 dev eth0 nodad
    ip -n $NS addr add 2001:db8:2::66/64 dev eth0 nodad preferred_lft 0; ip -n $NS addr add 2001:db8:2::20/64 dev eth0 nodad
    ip -n $NG addr add 198.51.100.1/24 dev c0; ip -n $NG addr add 2001:db8:1::1/64 dev c0 nodad
    ip -n $NG addr add 203.0.113.1/24  dev s0; ip -n $NG addr add 2001:db8:2::1/64 dev s0 nodad
    in_g sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    # No default routes: clients that insist on DNS fail at once instead of waiting.
    ip -n $NC route add 203.0.113.0/24 via 198.51.100.1; ip -n $NC -6 route add 2001:db8::/32 via 2001:db8:1::1
    ip -n $NS route add 198.51.100.0/24 via 203.0.113.1; ip -n $NS -6 route add 2001:db8::/32 via 2001:db8:2::1
  else
    # Ask for MTU-safe, address-less operation of the gateway.
    in_g sysctl -qw net.ipv6.conf.c0.disable_ipv6=1 net.ipv6.conf.s0.disable_ipv6=1
    ip -n $NC addr add 192.0.2.10/24 dev eth0; ip -n $NC addr add 192.0.2.66/24 dev eth0
    ip -n $NS addr add 192.0.2.20/24 dev eth0; ip -n $NS addr add 192.0.2.67/24 dev eth0
    ip -n $NC addr add 2001:db8:3::66/64 dev eth0 nodad preferred_lft 0; ip -n $NC addr add 2001:db8:3::10/64 dev eth0 nodad
    ip -n $NS addr add 2001:db8:3::67/64 dev eth0 nodad preferred_lft 0; ip -n $NS addr add 2001:db8:3::20/64 dev eth0 nodad
    if [ $topo = bridge ]; then
      ip -n $NG link add br0 type bridge || die "no bridge support"
      ip -n $NG link set br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
      in_g sysctl -qw net.ipv6.conf.br0.disable_ipv6=1
      ip -n $NG link set c0 master br0; ip -n $NG link set s0 master br0; ip -n $NG link set br0 up
      in_g sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 2>/dev/null
    fi
    # Fixed neighbour entries: a policy-drop rule set need not know about IPv6 ND.
    for n in 192.0.2.20 192.0.2.67 2001:db8:3::20 2001:db8:3::67; do ip -n $NC neigh replace $n lladdr 02:00:00:00:02:20 dev eth0 nud permanent; done
    for n in 192.0.2.10 192.0.2.66 2001:db8:3::10 2001:db8:3::66; do ip -n $NS neigh replace $n lladdr 02:00:00:00:01:10 dev eth0 nud permanent; done
  fi
  # Answer quickly, keep the number of stray packets low.
  for n in $NC $NS; do ip netns exec $n sysctl -qw net.ipv4.tcp_syn_retries=3; done
  [ -z "$rules" ] || rules "$rules" >/dev/null
  addresses
  if [ $topo != wire ] && [ -z "$rules" ]; then
    in_c ping -c1 -W2 $S4 >/dev/null 2>&1 && in_c ping -6 -c1 -W2 $S6 >/dev/null 2>&1 \
      || ping_fallback || die "client cannot reach server"
  fi
  echo "OK up topology=$topo client=$C4,$C6 server=$S4,$S6"
}

ping_fallback() { # no ping binary: the kernel still resolves neighbours on first use
  ! command -v ping >/dev/null
}

stop_pid() { # file holding one pid per line
  local p
  [ -f "$1" ] || return 0
  while read -r p; do
    [ -n "$p" ] && kill "$p" 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$p" 2>/dev/null
  done <"$1"
  rm -f "$1"
}

empty_ns() { # whatever lives in a namespace of this lab was started by this lab
  local p sig=-15 i
  for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    p=$(ip netns pids "$1" 2>/dev/null); [ -n "$p" ] || return 0
    [ $i -lt 8 ] || sig=-9
    kill $sig $p 2>/dev/null; sleep 0.1
  done
}

down() {
  [ -f "$D/topology" ] || { echo "OK nothing to do"; return 0; }
  stop_pid "$D/capture.pids"; stop_pid "$D/server.pid"
  local n
  for n in $NC $NG $NS; do empty_ns $n; ip netns del $n 2>/dev/null; done
  rm -rf "$D"
  echo "OK down"
}

rules() {
  need_up
  [ $# = 1 ] || die "rules FILE|none"
  in_g nft flush ruleset
  [ "$1" = none ] || in_g nft -f "$1" || die "nft rejected $1"
  in_g conntrack -F >/dev/null 2>&1; in_g conntrack -F expect >/dev/null 2>&1
  echo "$1" >"$D/rules"
  echo "OK rules $1"
}

# --------------------------------------------------------------- servers -----
certificate() {
  [ -f "$D/cert.pem" ] && return
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=ftp.example.net" \
    -keyout "$D/key.pem" -out "$D/crt.pem" 2>/dev/null
  cat "$D/key.pem" "$D/crt.pem" >"$D/cert.pem"; chmod 600 "$D"/*.pem
}

server() {
  need_up; addresses
  local name=${1:?server name}; shift
  stop_pid "$D/server.pid"; rm -f "$D/server"
  empty_ns $NS
  # Sockets of an earlier server in TIME-WAIT on port 20 can make the next one's bind() fail.
  in_s ss -K state time-wait >/dev/null 2>&1
  [ "$name" = stop ] && { rm -f "$D/server"; echo "OK server stopped"; return 0; }
  local tls= p20=auto port=21 range= pasv= foreign=
  while [ $# -gt 0 ]; do case $1 in
    --tls) tls=1 ;; --port20) p20=yes ;; --no-port20) p20=no ;; --foreign) foreign=1 ;;
    --port) port=$2; shift ;; --pasv-range) range=$2; shift ;; --pasv-address) pasv=$2; shift ;;
    *) die "server: unknown option $1" ;; esac; shift; done
  [ -z "$tls" ] || certificate
  local lo=${range%%:*} hi=${range##*:} user=$USER_ pass=$PASS_ log=$D/server.log
  : >"$log"
  case $name in
  vsftpd)
    user=anonymous pass=lab@example.net
    { echo "listen=NO
listen_ipv6=YES
listen_port=$port
background=NO
anonymous_enable=YES
local_enable=NO
ftp_username=$(getent passwd ftp >/dev/null && echo ftp || echo games)
anon_root=$D/srv
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
no_anon_password=NO
secure_chroot_dir=$D/empty
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
xferlog_enable=YES
vsftpd_log_file=$D/vsftpd.xfer.log
connect_from_port_20=$([ $p20 = no ] && echo NO || echo YES)"
      [ -z "$range" ] || printf 'pasv_min_port=%s\npasv_max_port=%s\n' "$lo" "$hi"
      [ -z "$pasv" ] || echo "pasv_address=$pasv"
      [ -z "$foreign" ] || printf 'port_promiscuous=YES\npasv_promiscuous=YES\n'
      [ -z "$tls" ] || echo "ssl_enable=YES
allow_anon_ssl=YES
require_ssl_reuse=NO
rsa_cert_file=$D/crt.pem
rsa_private_key_file=$D/key.pem"
    } >"$D/vsftpd.conf"
    mkdir -p "$D/empty"
    in_s vsftpd "$D/vsftpd.conf" >>"$log" 2>&1 & ;;
  proftpd)
    local hash; hash=$(openssl passwd -6 "$pass")
    echo "$user:$hash:65534:65534::$D/srv:/bin/sh" >"$D/proftpd.passwd"
    echo "nogroup:x:65534:" >"$D/proftpd.group"; chmod 600 "$D/proftpd.passwd" "$D/proftpd.group"
    { echo "ServerName lab
ModulePath $PKG/usr/lib/proftpd
ServerType standalone
Port $port
UseIPv6 on
User nobody
Group nogroup
PidFile $D/proftpd.pidfile
ScoreboardFile $D/proftpd.score
DelayTable none
SystemLog $D/proftpd.log
TransferLog $D/proftpd.xfer.log
WtmpLog off
UseReverseDNS off
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile $D/proftpd.passwd
AuthGroupFile $D/proftpd.group
DefaultRoot ~
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
TimeoutNoTransfer 600"
      [ $p20 = yes ] && echo "RootRevoke off"
      [ -z "$range" ] || echo "PassivePorts $lo $hi"
      [ -z "$pasv" ] || echo "MasqueradeAddress $pasv"
      [ -z "$foreign" ] || echo "AllowForeignAddress on"
      [ -z "$tls" ] || echo "LoadModule mod_tls.c
TLSEngine on
TLSRequired off
TLSLog $D/proftpd.tls.log
TLSRSACertificateFile $D/crt.pem
TLSRSACertificateKeyFile $D/key.pem
TLSVerifyClient off
TLSOptions NoSessionReuseRequired"
    } >"$D/proftpd.conf"
    in_s "$PKG/usr/sbin/proftpd" -n -q -c "$D/proftpd.conf" >>"$log" 2>&1 & ;;
  pure-ftpd)
    [ $p20 != no ] || die "pure-ftpd: --no-port20 is not supported"
    [ -z "$foreign" ] || die "pure-ftpd: --foreign is not supported"
    # A crypt() hash: pure-pw's own default hash takes seconds to verify.
    echo "$user:$(openssl passwd -6 "$pass"):65534:65534::$D/srv/./::::::::::::" >"$D/pure.passwd"
    "$PKG/usr/bin/pure-pw" mkdb "$D/pure.pdb" -f "$D/pure.passwd" || die "pure-pw failed"
    in_s "$PKG/usr/sbin/pure-ftpd" -l "puredb:$D/pure.pdb" -A -E -H -u 1 -g "$D/pure.pidfile" -S ",$port" \
      -f none ${range:+-p "$range"} ${pasv:+-P "$pasv"} ${tls:+-Y 1 -2 "$D/cert.pem"} >>"$log" 2>&1 & ;;
  pyftpdlib)
    [ $p20 != yes ] || die "pyftpdlib: --port20 is not supported"
    in_s "$PY" - "$user" "$pass" "$D/srv" "$port" "${range:-}" "${pasv:-}" "${foreign:-}" "${tls:+$D/cert.pem}" >>"$log" 2>&1 <<'PYEOF' &
import sys, logging
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer
user, pw, root, port, rng, pasv, foreign, cert = sys.argv[1:9]
logging.basicConfig(level=logging.INFO)
auth = DummyAuthorizer(); auth.add_user(user, pw, root, perm='elradfmwMT')
h = TLS_FTPHandler if cert else FTPHandler
h.authorizer = auth
if cert: h.certfile = cert
if rng: lo, hi = rng.split(':'); h.passive_ports = range(int(lo), int(hi) + 1)
if pasv: h.masquerade_address = pasv
if foreign: h.permit_foreign_addresses = True; h.permit_privileged_ports = True
FTPServer(('::', int(port)), h).serve_forever()
PYEOF
    ;;
  *) die "unknown server $name" ;;
  esac
  echo $! >"$D/server.pid"
  # (A real connection attempt would show in captures; look at the socket table instead.)
  local i
  for i in $(seq 50); do
    in_s ss -Hltn "sport = :$port" 2>/dev/null | grep -q . && break; sleep 0.1
  done
  in_s ss -Hltn "sport = :$port" | grep -q . || { cat "$log" >&2; die "$name did not start"; }
  printf 'name=%s port=%s user=%s pass=%s\n' "$name" "$port" "$user" "$pass" >"$D/server"
  echo "OK server $name port=$port user=$user pass=$pass root=$D/srv"
}

# --------------------------------------------------------------- clients -----
transfer() {
  need_up; addresses
  [ -f "$D/server" ] || die "no server running (lab.sh server NAME)"
  local c=curl m=passive v=4 op=get f=small.txt t=10 host= tls= name port user pass
  eval "$(tr ' ' '\n' <"$D/server")"
  while [ $# -gt 0 ]; do case $1 in
    -c) c=$2; shift ;; -m) m=$2; shift ;; -4) v=4 ;; -6) v=6 ;; -o) op=$2; shift ;;
    -f) f=$2; shift ;; -t) t=$2; shift ;; -H) host=$2; shift ;; -p) port=$2; shift ;; --tls) tls=1 ;;
    *) die "transfer: unknown option $1" ;; esac; shift; done
  case $m in active|passive|eprt|epsv) ;; *) die "unknown mode $m" ;; esac
  case $op in get|put|ls|multi) ;; *) die "unknown operation $op" ;; esac
  [ -n "$host" ] || { [ $v = 4 ] && host=$S4 || host=$S6; }
  local h=$host; case $h in *:*) h="[$h]" ;; esac
  local tag="client=$c server=$name mode=$m ip=$v op=$op file=$f${tls:+ tls=explicit}"
  # IPv6 has no PORT and no PASV.
  if [ $v = 6 ]; then case $m in active|passive) echo "SKIP $tag (IPv6 needs eprt/epsv)"; return 77 ;; esac; fi
  local w; w=$(mktemp -d "$D/cli/t.XXXXXX") || die mktemp
  local src=$D/srv/pub/$f up=up-$$-$RANDOM-$f log=$D/last-transfer.log rc=0 script=
  [ -f "$src" ] || die "no such file $f"
  cp "$src" "$w/$up"
  local ops=$op; [ $op = multi ] && ops="ls get put"
  local o started; started=$(date +%s%N)
  : >"$log"
  local -a T=(timeout -k 2 "$t")
  case $c in
  curl)
    local -a a=(curl -sS -v --connect-timeout "$t" -u "$user:$pass" -$v)
    case $m in active) a+=(-P - --disable-eprt) ;; eprt) a+=(-P - --eprt) ;;
               passive) a+=(--disable-epsv) ;; epsv) a+=(--epsv) ;; esac
    [ -z "$tls" ] || a+=(--ssl-reqd -k)
    for o in $ops; do case $o in          # --next: one control connection for all
      get) a+=("ftp://$h:$port/pub/$f" -o "$w/got") ;;
      put) a+=(-T "$w/$up" "ftp://$h:$port/incoming/$up") ;;
      ls)  a+=("ftp://$h:$port/pub/" -o "$w/list") ;;
    esac; done
    if [ $op = multi ]; then
      local -a b=("${a[@]:1}"); local -a k=(); local -a base=(-sS -v --connect-timeout "$t" -u "$user:$pass" -$v)
      case $m in active) base+=(-P - --disable-eprt) ;; eprt) base+=(-P - --eprt) ;;
                 passive) base+=(--disable-epsv) ;; epsv) base+=(--epsv) ;; esac
      [ -z "$tls" ] || base+=(--ssl-reqd -k)
      a=(curl "${base[@]}" "ftp://$h:$port/pub/" -o "$w/list" --next
              "${base[@]}" "ftp://$h:$port/pub/$f" -o "$w/got" --next
              "${base[@]}" -T "$w/$up" "ftp://$h:$port/incoming/$up")
    fi
    in_c "${T[@]}" "${a[@]}" >>"$log" 2>&1 || rc=$? ;;
  lftp)
    case $m$v in eprt4) echo "SKIP $tag (lftp uses PORT on IPv4)"; rm -rf "$w"; return 77 ;; esac
    script="set cmd:fail-exit yes; set net:max-retries 1; set net:timeout $t; set net:reconnect-interval-base 1
set ftp:ssl-allow $([ -n "$tls" ] && echo yes || echo no); set ftp:ssl-force $([ -n "$tls" ] && echo yes || echo no); set ssl:verify-certificate no; set ftp:ssl-protect-data yes
set ftp:sync-mode on; set ftp:use-site-utime2 no; set ftp:use-feat yes
set dns:order inet inet6
set ftp:prefer-epsv $([ $m = epsv ] && echo yes || echo no); set ftp:passive-mode $(case $m in active|eprt) echo off;; *) echo on;; esac)
set ftp:port-ipv4 ''; set ftp:fix-pasv-address no
open -u $user,$pass -p $port $host
"
    for o in $ops; do case $o in
      get) script+="get pub/$f -o $w/got"$'\n' ;;
      put) script+="put -O incoming $w/$up"$'\n' ;;
      ls)  script+="ls pub > $w/list"$'\n' ;;
    esac; done
    in_c "${T[@]}" env HOME="$w" lftp --norc -d -c "$script" >>"$log" 2>&1 || rc=$? ;;
  ncftp)
    [ $v = 6 ] && { echo "SKIP $tag (ncftp is IPv4 only)"; rm -rf "$w"; return 77; }
    [ -n "$tls" ] && { echo "SKIP $tag (no TLS)"; rm -rf "$w"; return 77; }
    local fl; case $m in active) fl=-E ;; passive) fl=-F ;; *) echo "SKIP $tag (ncftp knows PORT and PASV only)"; rm -rf "$w"; return 77 ;; esac
    for o in $ops; do case $o in
      get) in_c "${T[@]}" env HOME="$w" ncftpget -d "$log.nc" -t "$t" -r 1 $fl -u "$user" -p "$pass" -P "$port" -C "$host" "pub/$f" "$w/got" >>"$log" 2>&1 || rc=$? ;;
      put) in_c "${T[@]}" env HOME="$w" ncftpput -d "$log.nc" -t "$t" -r 1 $fl -u "$user" -p "$pass" -P "$port" -C "$host" "$w/$up" "incoming/$up" >>"$log" 2>&1 || rc=$? ;;
      ls)  in_c "${T[@]}" env HOME="$w" ncftpls -l -d "$log.nc" -t "$t" -r 1 $fl -u "$user" -p "$pass" -P "$port" "ftp://$host/pub/" >"$w/list" 2>>"$log" || rc=$? ;;
    esac; cat "$log.nc" >>"$log" 2>/dev/null; rm -f "$log.nc"; done ;;
  tnftp|inetutils)
    [ -n "$tls" ] && { echo "SKIP $tag (no TLS)"; rm -rf "$w"; return 77; }
    local -a a
    if [ $c = tnftp ]; then
      # Without epsv4 tnftp speaks PORT/PASV on IPv4, with it EPRT/EPSV.
      case $m$v in active4|passive4) script+="epsv4 off"$'\n' ;; esac
      a=(tnftp -n -v -i -d -$v "$([ $m = active ] || [ $m = eprt ] && echo -A || echo -p)" "$host" "$port")
    else
      [ $m$v = eprt4 ] || [ $m$v = epsv4 ] && script+="epsv4"$'\n'
      [ $m = passive ] || [ $m = epsv ] && script+="passive"$'\n'
      a=(inetutils-ftp -n -v -i -d -$v "$host" "$port")
    fi
    script="user $user $pass"$'\n'"$script"
    script+="binary"$'\n'
    for o in $ops; do case $o in
      get) script+="get pub/$f $w/got"$'\n' ;;
      put) script+="put $w/$up incoming/$up"$'\n' ;;
      ls)  script+="ls pub $w/list"$'\n' ;;
    esac; done
    in_c "${T[@]}" env HOME="$w" "${a[@]}" <<<"$script"bye$'\n' >>"$log" 2>&1 || rc=$? ;;
  ftplib)
    in_c "${T[@]}" "$PY" - "$host" "$port" "$user" "$pass" "$m" "$v" "$w" "$f" "$up" "${tls:-0}" $ops >>"$log" 2>&1 <<'PYEOF' || rc=$?
import ftplib, socket, sys
host, port, user, pw, mode, ver, w, f, up, tls, *ops = sys.argv[1:]
base = ftplib.FTP_TLS if tls == '1' else ftplib.FTP
class C(base):
    def makepasv(self):
        if mode == 'epsv':
            h, p = ftplib.parse229(self.sendcmd('EPSV'), self.sock.getpeername()); return h, p
        return super().makepasv()
    def makeport(self):
        if mode != 'eprt': return super().makeport()
        s = socket.create_server((self.sock.getsockname()[0], 0), family=self.af, backlog=1)
        self.sendeprt(self.sock.getsockname()[0], s.getsockname()[1]); s.settimeout(self.timeout)
        return s
c = C(); c.set_debuglevel(1); c.trust_server_pasv_ipv4_address = True
c.connect(host, int(port), timeout=30); c.login(user, pw)
if tls == '1': c.prot_p()
c.set_pasv(mode in ('passive', 'epsv'))
for o in ops:
    if o == 'ls':  lines = []; c.retrlines('LIST pub', lines.append); open(w + '/list', 'w').write('\n'.join(lines))
    if o == 'get': c.retrbinary('RETR pub/' + f, open(w + '/got', 'wb').write)
    if o == 'put': c.storbinary('STOR incoming/' + up, open(w + '/' + up, 'rb'))
c.quit()
PYEOF
    ;;
  *) rm -rf "$w"; die "unknown client $c" ;;
  esac
  # The verdict depends on the bytes that arrived, not on what the client says.
  local ok=1 why=
  for o in $ops; do case $o in
    get) cmp -s "$w/got" "$src" || { ok=0; why+=" get"; } ;;
    put) cmp -s "$D/srv/incoming/$up" "$src" || { sleep 0.3; cmp -s "$D/srv/incoming/$up" "$src"; } || { ok=0; why+=" put"; } ;;
    ls)  grep -q small.txt "$w/list" 2>/dev/null || { ok=0; why+=" ls"; } ;;
  esac; done
  local used; used=$(grep -aoE "(> |Cmd: |\*cmd\* ')(PORT|EPRT|PASV|EPSV)\b" "$log" | grep -aoE '[A-Z]{4}' | awk '!s[$0]++' | paste -sd, -)
  rm -rf "$w" "$D/srv/incoming/$up"
  local ms=$(( ($(date +%s%N) - started) / 1000000 ))
  if [ $ok = 1 ]; then echo "PASS $tag used=${used:-?} ms=$ms"; return 0; fi
  echo "FAIL $tag used=${used:-?} ms=$ms client_rc=$rc failed:$why (log: $log)"; return 1
}

# -------------------------------------------------------------- captures -----
capture() {
  need_up
  [ "${1:-}" = stop ] && { sleep 0.3; stop_pid "$D/capture.pids"; echo "OK capture stopped"; return 0; }
  local file=${1:?file} dev=c0; shift
  [ "${1:-}" = -i ] && { dev=$2; shift 2; }
  case $file in /*) ;; *) file=$PWD/$file ;; esac
  local log; log=$(mktemp "$D/tcpdump.XXXXXX")
  in_g tcpdump -Z root -U -n -s 0 -i "$dev" -w "$file" "$@" >"$log" 2>&1 &
  local pid=$! i; echo $pid >>"$D/capture.pids"
  for i in $(seq 100); do grep -q 'listening on' "$log" && break; kill -0 $pid 2>/dev/null || break; sleep 0.1; done
  grep -q 'listening on' "$log" || { cat "$log" >&2; die "capture did not start"; }
  echo "OK capturing $dev into $file"
}

status() {
  [ -f "$D/topology" ] || { echo "down"; return 0; }
  addresses
  echo "topology=$(cat "$D/topology") client=$C4,$C6 server=$S4,$S6"
  echo "rules=$(cat "$D/rules" 2>/dev/null || echo none)"
  echo "server: $(cat "$D/server" 2>/dev/null || echo none)"
  echo "namespaces: $NC $NG $NS"
}

selftest() {
  local topo bad=0 n=0 s c m v out rc
  for topo in ${*:-routed bridge}; do
    up $topo || return 2
    for s in vsftpd proftpd pure-ftpd pyftpdlib; do
      server $s >/dev/null || { bad=$((bad+1)); continue; }
      for c in curl lftp ncftp tnftp inetutils ftplib; do for m in active passive eprt epsv; do for v in 4 6; do
        out=$(transfer -c $c -m $m -$v -o multi); rc=$?
        [ $rc = 77 ] && continue
        n=$((n+1)); [ $rc = 0 ] || bad=$((bad+1))
        echo "$topo $out"
      done; done; done
    done
    down >/dev/null
  done
  echo "selftest: $n transfers, $bad failed"
  [ $bad = 0 ]
}

cmd=${1:-help}; [ $# -gt 0 ] && shift
case $cmd in
  prepare|up|down|rules|server|transfer|capture|status|selftest) "$cmd" "$@" ;;
  exec)
    need_up
    case ${1:-} in client) n=$NC ;; gw) n=$NG ;; server) n=$NS ;; *) die "exec client|gw|server -- CMD" ;; esac
    shift; [ "${1:-}" = -- ] && shift
    exec ip netns exec "$n" "$@" ;;
  *) sed -n '2,/^set -u/p' "$0" | sed -e '/^set -u/d' -e 's/^# \{0,1\}//'; [ "$cmd" = help ] || exit 2 ;;
esac
