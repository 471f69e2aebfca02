# Sourced by the scripts here: builds what has changed, then becomes a JVM that runs $main.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. .mvn/jdk.sh
jdk_find || {
  echo "${0##*/}: $jdk_how" >&2
  exit 2
}
jar=benchmarks/target/launcher/build/benchmarks.jar
if [ ! -f "$jar" ] || [ -n "$(find pom.xml benchmarks/pom.xml benchmarks/src/main engine/pom.xml \
  engine/src/main -newer "$jar" -print -quit)" ]; then
  echo "${0##*/}: building ..." >&2
  ./mvnw -q -B -ntp -Dquick package >&2 || exit 2
fi
cd "$OLDPWD"
exec "$JAVA_HOME/bin/java" -XX:+UseSerialGC -Xmx512m "-Dpinhole.root=$root" -cp "$root/$jar" "$main" "$@"
