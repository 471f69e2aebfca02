# Sourced by the scripts here: builds what has changed, then becomes a JVM that runs $main.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. .mvn/jdk.sh
jdk_find || {
  echo "${0##*/}: $jdk_how" >&2
  exit 2
}
built=benchmarks/target/launcher/build
if [ ! -f "$built/stamp" ] || [ -n "$(find pom.xml benchmarks/pom.xml benchmarks/src/main \
  engine/pom.xml engine/src/main -newer "$built/stamp" -print -quit)" ]; then
  echo "${0##*/}: building ..." >&2
  mkdir -p "$built"
  : >"$built/stamp.new" # before the build: what changes while it runs is built next time
  ./mvnw -q -B -ntp -Dquick package >&2 || exit 2
  mv "$built/stamp.new" "$built/stamp"
fi
cd "$OLDPWD"
exec "$JAVA_HOME/bin/java" -XX:+UseSerialGC -Xmx512m "-Dpinhole.root=$root" \
  -cp "$root/$built/benchmarks.jar" "$main" "$@"
