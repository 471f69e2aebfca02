#!/usr/bin/env bash
# Speed of the inline gateway beside the kernel's own firewall, in network namespaces on this host:
#
#   none       the host only routes
#   kernel     nftables with the bundled rule set and nf_conntrack_ftp
#   offload    pinhole gateway, data connections carried by the kernel (the default)
#   queue      pinhole gateway --offload none: every packet is judged
#   bridge     pinhole gateway --mode bridge
#   suricata   Suricata in NFQUEUE mode, where it is installed: no rules, FTP parsing on
#
# Interfaces keep their offloads (segments of up to 64 KiB). Variants alternate, REPS times each.
# Output, one line a run:   variant  bulk Gbit/s (one FTP download of SIZE)
#                           FTP sessions a second (login, PASV, 1 kB, quit; one after another)
#                           round trip us p50 p99 (a byte each way on an established connection)
#                           CPU seconds of the firewall's process
#
#   sudo benchmarks/gateway.sh [VARIANT...]      REPS=3 SIZE=4G SESSIONS=200 RULES=FILE
set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
here=$(cd "$(dirname "$0")/.." && pwd)
reps=${REPS:-3} size=${SIZE:-4G} sessions=${SESSIONS:-200} rules=${RULES:-$here/rules/ftp-gateway.nft}
variants=("$@")
[ $# -gt 0 ] || variants=(none kernel offload queue bridge suricata)
id=pbg$$
c=$id-c g=$id-g s=$id-s
dir=$(mktemp -d)
die() { echo "gateway.sh: $*" >&2; exit 2; }
[ "$(id -u)" = 0 ] || die "needs root"
for t in ip nft vsftpd curl python3; do command -v $t >/dev/null || die "missing $t"; done

pids=() fw=
stop_firewall() {
  if [ -n "$fw" ]; then kill "$fw" 2>/dev/null || true; wait "$fw" 2>/dev/null || true; fw=; fi
}
cleanup() {
  stop_firewall
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  for n in $c $g $s; do ip netns del $n 2>/dev/null || true; done
  rm -rf "$dir"
}
trap cleanup EXIT

up() { # routed | wire
  for n in $c $g $s; do ip netns del $n 2>/dev/null || true; done
  for n in $c $g $s; do ip netns add $n; ip -n $n link set lo up; done
  ip -n $c link add eth0 type veth peer name c0 netns $g
  ip -n $s link add eth0 type veth peer name s0 netns $g
  for d in "$c eth0" "$s eth0" "$g c0" "$g s0"; do ip -n ${d% *} link set ${d#* } up; done
  if [ "$1" = routed ]; then
    ip -n $c addr add 198.51.100.10/24 dev eth0; ip -n $g addr add 198.51.100.1/24 dev c0
    ip -n $s addr add 203.0.113.20/24 dev eth0; ip -n $g addr add 203.0.113.1/24 dev s0
    ip -n $c route add default via 198.51.100.1; ip -n $s route add default via 203.0.113.1
    ip netns exec $g sysctl -qw net.ipv4.ip_forward=1
  else
    ip -n $c addr add 203.0.113.10/24 dev eth0; ip -n $s addr add 203.0.113.20/24 dev eth0
    ip netns exec $g sysctl -qw net.ipv6.conf.c0.disable_ipv6=1 net.ipv6.conf.s0.disable_ipv6=1
  fi
  mkdir -p "$dir/srv" "$dir/empty"
  truncate -s "$size" "$dir/srv/bulk.bin"
  head -c 1024 /dev/zero >"$dir/srv/small.bin"
  chmod 755 "$dir" "$dir/srv"; chmod 644 "$dir"/srv/*
  cat >"$dir/vsftpd.conf" <<EOF
listen=YES
background=NO
anonymous_enable=YES
ftp_username=$(getent passwd ftp >/dev/null && echo ftp || echo games)
anon_root=$dir/srv
secure_chroot_dir=$dir/empty
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
use_sendfile=YES
EOF
  ip netns exec $s vsftpd "$dir/vsftpd.conf" >/dev/null 2>&1 & pids+=($!)
  # A service to bounce a byte off, on the port that the rules let in.
  ip netns exec $s python3 - <<'EOF' & pids+=($!)
import socket
s = socket.create_server(("0.0.0.0", 2121))
while True:
    a, _ = s.accept(); a.setsockopt(6, 1, 1)
    while True:
        d = a.recv(1)
        if not d: break
        a.send(d)
EOF
  sleep 0.5
}

wait_for() { for _ in $(seq 300); do grep -q "$1" "$2" 2>/dev/null && return; sleep 0.1; done; die "$(cat "$2")"; }

firewall() {
  local -a define=(-D "ftp_ports={ 21, 2121 }")
  case $1 in
    none) ;;
    kernel) sed 's/^define ftp_ports.*/define ftp_ports = { 21, 2121 }/' "$rules" >"$dir/k.nft"
      ip netns exec $g nft -f "$dir/k.nft" ;;
    offload) ip netns exec $g "$here/pinhole" gateway -r "$rules" "${define[@]}" >"$dir/log" 2>&1 & fw=$! ;;
    queue) ip netns exec $g "$here/pinhole" gateway -r "$rules" "${define[@]}" --offload none >"$dir/log" 2>&1 & fw=$! ;;
    bridge) ip netns exec $g "$here/pinhole" gateway -r "$rules" "${define[@]}" --mode bridge --between c0,s0 >"$dir/log" 2>&1 & fw=$! ;;
    suricata) command -v suricata >/dev/null || return 1
      ip netns exec $g nft -f - <<<'table ip q { chain f { type filter hook forward priority 0; queue to 0; } }' 2>/dev/null \
        || ip netns exec $g iptables -A FORWARD -j NFQUEUE --queue-num 0
      : >"$dir/empty.rules"
      ip netns exec $g suricata -q 0 -S "$dir/empty.rules" -l "$dir" >"$dir/log" 2>&1 & fw=$!
      sleep 5 ;;
    *) die "no variant $1" ;;
  esac
  case $1 in offload | queue | bridge) wait_for "judging by" "$dir/log" ;; esac
}

measure() { # variant
  local bulk rate rtt cpu=-
  bulk=$(ip netns exec $c curl -sS -o /dev/null -w '%{speed_download}' ftp://203.0.113.20/bulk.bin \
    | awk '{printf "%.2f", $1 * 8 / 1e9}')
  rate=$(ip netns exec $c python3 - "$sessions" <<'EOF'
import ftplib, sys, time
n = int(sys.argv[1]); start = time.time()
for _ in range(n):
    f = ftplib.FTP("203.0.113.20", timeout=20); f.login(); f.retrbinary("RETR small.bin", lambda b: None); f.quit()
print("%.1f" % (n / (time.time() - start)))
EOF
)
  rtt=$(ip netns exec $c python3 - <<'EOF'
import socket, time
s = socket.create_connection(("203.0.113.20", 2121)); s.setsockopt(6, 1, 1)
t = []
for i in range(3000):
    a = time.perf_counter(); s.send(b"x"); s.recv(1); t.append(time.perf_counter() - a)
t = sorted(t[500:]); print("%.0f %.0f" % (t[len(t) // 2] * 1e6, t[len(t) * 99 // 100] * 1e6))
EOF
)
  if [ -n "$fw" ]; then
    cpu=$(awk -v hz="$(getconf CLK_TCK)" '{printf "%.1f", ($14 + $15) / hz}' "/proc/$fw/stat")
  fi
  printf '%-9s %6s Gbit/s %7s sessions/s  rtt us p50/p99 %s  cpu s %s\n' "$1" "$bulk" "$rate" "$rtt" "$cpu"
}

"$here/pinhole" version
uname -sr; nproc
for _ in $(seq "$reps"); do
  for v in "${variants[@]}"; do
    if [ "$v" = bridge ]; then up wire; else up routed; fi
    if firewall "$v"; then measure "$v"; else echo "$v: not installed"; fi
    stop_firewall
    for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
    pids=()
    for n in $c $g $s; do
      for p in $(ip netns pids $n); do kill "$p" 2>/dev/null || true; done
    done
    sleep 0.5
  done
done
