#!/usr/bin/env bash
# Speed of the inline gateway beside the kernel's own firewall and Suricata, in network namespaces
# on this host. Two kinds of runs:
#
#   speed VARIANT...   one FTP download of SIZE, FTP sessions one after another, round trips
#     none         the host only routes
#     kernel       nftables with the bundled rule set and nf_conntrack_ftp
#     offload      pinhole gateway, data connections carried by the kernel (the default)
#     queue        pinhole gateway --offload none: every packet is judged
#     bridge       pinhole gateway --mode bridge
#     suricata     Suricata in NFQUEUE mode: no rules, FTP parsing on
#     bridge-mtu   pinhole gateway --mode bridge, no interface has offloads: packets of 1500 bytes
#     bridge-gro   likewise, but the gateway's interfaces have GRO, as network cards do by default
#     suricata-mtu Suricata inline over AF_PACKET, likewise
#   rules VARIANT...   new connections a second under RULES_N rules that do not match (kernel,
#                      offload, queue; with "-0" behind it without those rules)
#
# Variants alternate, REPS times each. Before anything is measured each variant carries 200 sessions
# and a download of an eighth of SIZE.
#
# Output of speed, one line a run: bulk Gbit/s; sessions a second (login, PASV, 1 kB, quit); round
# trip of a byte each way on an established connection, us, p50 and p99; processor seconds of the
# firewall's process and of the whole machine during the download.
#
#   sudo benchmarks/gateway.sh speed kernel offload      REPS=3 SIZE=8G SESSIONS=1000
#   sudo benchmarks/gateway.sh rules kernel-0 kernel offload    RULES_N=10000 SECONDS_EACH=10
set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
here=$(cd "$(dirname "$0")/.." && pwd)
reps=${REPS:-3} size=${SIZE:-8G} sessions=${SESSIONS:-1000} n=${RULES_N:-10000} each=${SECONDS_EACH:-10}
rules=$here/rules/ftp-gateway.nft
id=pbg$$
c=$id-c g=$id-g s=$id-s
dir=$(mktemp -d)
die() { echo "gateway.sh: $*" >&2; exit 2; }
[ "$(id -u)" = 0 ] || die "needs root"
for t in ip nft vsftpd curl python3 ethtool; do command -v $t >/dev/null || die "missing $t"; done
kind=${1:-speed}
[ $# = 0 ] || shift
variants=("$@")
case $kind in
  speed) [ $# -gt 0 ] || variants=(none kernel offload queue bridge suricata bridge-mtu suricata-mtu) ;;
  rules) [ $# -gt 0 ] || variants=(kernel-0 offload-0 kernel offload) ;;
  *) die "speed or rules, not $kind" ;;
esac
. "$here/.mvn/jdk.sh" && jdk_find || die "needs a JDK 25"

pids=() fw=
stop_firewall() {
  if [ -n "$fw" ]; then kill "$fw" 2>/dev/null || true; wait "$fw" 2>/dev/null || true; fw=; fi
}
cleanup() {
  stop_firewall
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  for ns in $c $g $s; do ip netns del $ns 2>/dev/null || true; done
  rm -rf "$dir"
}
trap cleanup EXIT

up() { # routed | wire
  for ns in $c $g $s; do ip netns del $ns 2>/dev/null || true; done
  for ns in $c $g $s; do ip netns add $ns; ip -n $ns link set lo up; done
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
}

no_offloads() {
  for d in "$c eth0" "$s eth0" "$g c0" "$g s0"; do
    ip netns exec ${d% *} ethtool -K ${d#* } tx off rx off tso off gso off gro off >/dev/null 2>&1 || true
    ip -n ${d% *} link set ${d#* } gso_max_segs 1
  done
}

serve() {
  mkdir -p "$dir/srv" "$dir/empty"
  truncate -s "$size" "$dir/srv/bulk.bin"
  truncate -s $(($(stat -c %s "$dir/srv/bulk.bin") / 8)) "$dir/srv/warm.bin"
  head -c 1024 /dev/zero >"$dir/srv/small.bin"
  chmod 755 "$dir" "$dir/srv"; chmod 644 "$dir"/srv/*
  cat "$dir/srv/bulk.bin" "$dir/srv/warm.bin" >/dev/null # into the page cache
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

pinhole() { # file and options
  ip netns exec $g "$here/pinhole" gateway --control none -r "$@" >"$dir/log" 2>&1 & fw=$!
  wait_for "judging by" "$dir/log"
}

firewall() {
  local -a define=(-D "ftp_ports={ 21, 2121 }")
  case $1 in
    none) ;;
    kernel) sed 's/^define ftp_ports.*/define ftp_ports = { 21, 2121 }/' "$rules" >"$dir/k.nft"
      ip netns exec $g nft -f "$dir/k.nft" ;;
    offload) pinhole "$rules" "${define[@]}" ;;
    queue) pinhole "$rules" "${define[@]}" --offload none ;;
    bridge | bridge-mtu | bridge-gro) pinhole "$rules" "${define[@]}" --mode bridge --between c0,s0 ;;
    suricata) command -v suricata >/dev/null || return 1
      ip netns exec $g nft -f - <<<'table ip q { chain f { type filter hook forward priority 0; queue to 0; } }' 2>/dev/null \
        || ip netns exec $g iptables -A FORWARD -j NFQUEUE --queue-num 0
      : >"$dir/empty.rules"
      ip netns exec $g suricata -q 0 -S "$dir/empty.rules" -l "$dir" >"$dir/log" 2>&1 & fw=$!
      wait_for "Engine started" "$dir/log" ;;
    suricata-mtu) command -v suricata >/dev/null || return 1
      : >"$dir/empty.rules"
      awk '/^[a-z]/ { skip = /^af-packet:/ } !skip' /etc/suricata/suricata.yaml >"$dir/s.yaml"
      for pair in "c0 s0 1" "s0 c0 2"; do
        set -- $pair
        printf -- '  - interface: %s\n    threads: 1\n    cluster-id: %s\n    cluster-type: cluster_flow\n    defrag: no\n    use-mmap: yes\n    tpacket-v3: no\n    copy-mode: ips\n    copy-iface: %s\n' "$1" "$3" "$2"
      done >"$dir/s.ifaces"
      { cat "$dir/s.yaml"; echo "af-packet:"; cat "$dir/s.ifaces"; } >"$dir/suricata.yaml"
      ip netns exec $g suricata -c "$dir/suricata.yaml" --af-packet -S "$dir/empty.rules" -l "$dir" >"$dir/log" 2>&1 & fw=$!
      wait_for "Engine started" "$dir/log" ;;
    *) die "no variant $1" ;;
  esac
}

ticks() { awk '{ print $14 + $15 }' "/proc/$fw/stat"; }
busy() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }
hz=$(getconf CLK_TCK)

bulk() {
  ip netns exec $c curl -sS -o /dev/null -w '%{speed_download}' "ftp://203.0.113.20/$1" | awk '{ printf "%.2f", $1 * 8 / 1e9 }'
}

logins() {
  ip netns exec $c python3 - "$1" <<'EOF'
import ftplib, sys, time
n = int(sys.argv[1]); start = time.time()
for _ in range(n):
    f = ftplib.FTP("203.0.113.20", timeout=20); f.login(); f.retrbinary("RETR small.bin", lambda b: None); f.quit()
print("%.0f" % (n / (time.time() - start)))
EOF
}

measure() { # variant
  local rate speed rtt own=- all from
  logins 200 >/dev/null
  bulk warm.bin >/dev/null
  all=$(busy)
  [ -z "$fw" ] || from=$(ticks)
  speed=$(bulk bulk.bin)
  all=$(awk -v a="$all" -v b="$(busy)" -v hz="$hz" 'BEGIN { printf "%.1f", (b - a) / hz }')
  [ -z "$fw" ] || own=$(awk -v a="$from" -v b="$(ticks)" -v hz="$hz" 'BEGIN { printf "%.1f", (b - a) / hz }')
  rate=$(logins "$sessions")
  rtt=$(ip netns exec $c python3 - <<'EOF'
import socket, time
s = socket.create_connection(("203.0.113.20", 2121)); s.setsockopt(6, 1, 1)
t = []
for i in range(10500):
    a = time.perf_counter(); s.send(b"x"); s.recv(1); t.append(time.perf_counter() - a)
t = sorted(t[500:]); print("%.0f %.0f" % (t[len(t) // 2] * 1e6, t[len(t) * 99 // 100] * 1e6))
EOF
)
  printf '%-12s %6s Gbit/s %6s sessions/s  rtt us p50/p99 %s  cpu s own/all %s %s\n' "$1" "$speed" "$rate" "$rtt" "$own" "$all"
}

# A chain of rules that do not match, then what lets connections in; ct state established first.
many() { # how many
  echo 'table inet many {'
  echo '  chain forward { type filter hook forward priority filter; policy drop;'
  echo '    ct state established accept'
  awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++)
    printf "    ip saddr 10.%d.%d.0/24 tcp dport %d accept\n", i / 250, i % 250, 1024 + i % 60000 }'
  echo '    tcp dport 5000-5015 accept'
  echo '  }'
  echo '}'
}

count() { # variant
  local rules=$n name=${1%-0} rate
  [ "$name" = "$1" ] || rules=0
  many "$rules" >"$dir/many.nft"
  case $name in
    kernel) ip netns exec $g nft -f "$dir/many.nft" ;;
    offload) pinhole "$dir/many.nft" ;;
    queue) pinhole "$dir/many.nft" --offload none ;;
    none) ;;
    *) die "no variant $1" ;;
  esac
  local java="$JAVA_HOME/bin/java -XX:+UseSerialGC -Xmx256m $here/benchmarks/src/main/java/io/pinhole/benchmarks/Connect.java"
  ip netns exec $s $java serve 5000 16 >"$dir/serve" 2>&1 & pids+=($!)
  wait_for listening "$dir/serve"
  ip netns exec $c $java connect 203.0.113.20 5000 16 3 64 >/dev/null
  rate=$(ip netns exec $c $java connect 203.0.113.20 5000 16 "$each" 64)
  printf '%-12s %6d rules %7s connections/s, %s failed\n' "$1" "$rules" "${rate% *}" "${rate#* }"
}

"$here/pinhole" version
uname -sr; nproc
! command -v suricata >/dev/null || suricata -V
for _ in $(seq "$reps"); do
  for v in "${variants[@]}"; do
    case $v in bridge | *-mtu | *-gro) up wire ;; *) up routed ;; esac
    case $v in *-mtu | *-gro) no_offloads ;; esac
    case $v in *-gro) for d in c0 s0; do ip netns exec $g ethtool -K $d gro on; done ;; esac
    if [ "$kind" = rules ]; then
      count "$v"
    else
      serve
      if firewall "$v"; then measure "$v"; else echo "$v: not installed"; fi
    fi
    stop_firewall
    for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
    pids=()
    for ns in $c $g $s; do
      for p in $(ip netns pids $ns); do kill "$p" 2>/dev/null || true; done
    done
    sleep 0.5
  done
done
