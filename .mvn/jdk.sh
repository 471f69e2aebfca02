# Sourced by pinhole, mvnw and .ci/run: makes JAVA_HOME a JDK that can build and run Pinhole.
# Starts no process, except one readlink where java is a symbolic link: the launcher waits for it.

jdk_wanted=25

# True if $1 is the home of a JDK, and new enough.
jdk_fits() {
  [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
  while IFS='="' read -r jdk_key _ jdk_version _; do
    [ "$jdk_key" = JAVA_VERSION ] || continue
    jdk_version=${jdk_version%%[!0-9]*}
    [ "${jdk_version:-0}" -ge "$jdk_wanted" ]
    return
  done <"$1/release"
  return 1
}

# Exports JAVA_HOME: the caller's, else that of the java on the PATH, else the first one found.
jdk_find() {
  if [ -n "${JAVA_HOME-}" ] && jdk_fits "$JAVA_HOME"; then
    export JAVA_HOME
    return 0
  fi
  jdk_java=$(command -v java 2>/dev/null) || jdk_java=
  if [ -L "$jdk_java" ]; then jdk_java=$(readlink -f "$jdk_java") || jdk_java=; fi
  for jdk_home in "${jdk_java%/bin/java}" /usr/lib/jvm/* /opt/* \
    "${HOME-}"/.sdkman/candidates/java/* "${HOME-}"/.jdks/* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home; do
    if [ -n "$jdk_home" ] && jdk_fits "$jdk_home"; then
      export JAVA_HOME="$jdk_home"
      return 0
    fi
  done
  return 1
}

jdk_how="needs JDK $jdk_wanted or later (Debian, Ubuntu: apt install openjdk-$jdk_wanted-jdk; \
Fedora: dnf install java-$jdk_wanted-openjdk-devel; macOS: brew install openjdk@$jdk_wanted; \
any: https://adoptium.net), in a usual place or in JAVA_HOME"
