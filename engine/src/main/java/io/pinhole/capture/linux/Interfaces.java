package io.pinhole.capture.linux;

import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;

/** Names of network interfaces by their kernel index, remembered. One thread. */
public final class Interfaces implements AutoCloseable {
    private static final int MAX_REMEMBERED = 4096;

    private final Arena arena = Arena.ofShared();
    private final Sys sys = new Sys(arena);
    private final Map<Integer, String> names = new HashMap<>();
    private int lastIndex;
    private String lastName = "";

    /** The name, the same object each time; empty if there is none of that index. */
    public String name(int index) {
        if (index == lastIndex) {
            return lastName;
        }
        String name = names.get(index);
        if (name == null) {
            if (names.size() >= MAX_REMEMBERED) {
                names.clear();
            }
            name = index == 0 ? "" : sys.interfaceName(index).intern();
            names.put(index, name);
        }
        lastIndex = index;
        lastName = name;
        return name;
    }

    /** 0 if there is no such interface. */
    public int index(String name) {
        return sys.interfaceIndex(name);
    }

    /** An interface may have been renamed or replaced. */
    public void forget() {
        names.clear();
        lastIndex = 0;
        lastName = "";
    }

    @Override
    public void close() {
        arena.close();
    }
}
