package io.pinhole.cli;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;

/**
 * Reacts to signals. Java has no supported way; {@code sun.misc.Signal} is in the module
 * jdk.unsupported for this purpose (JEP 260), called by reflection because the compiler warns of it
 * and cannot be told not to.
 */
final class Signals {
    private Signals() {}

    /**
     * Runs {@code action}, on a thread of its own, at each such signal.
     *
     * @param name without SIG: {@code HUP}
     * @return false if this JVM does not let us (it runs with -Xrs)
     */
    static boolean on(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object proxy =
                    Proxy.newProxyInstance(
                            handler.getClassLoader(),
                            new Class<?>[] {handler},
                            (self, method, arguments) ->
                                    switch (method.getName()) {
                                        case "handle" -> {
                                            action.run();
                                            yield null;
                                        }
                                        case "hashCode" -> System.identityHashCode(self);
                                        case "equals" -> false;
                                        default -> "signal " + name;
                                    });
            Object made = signal.getConstructor(String.class).newInstance(name);
            signal.getMethod("handle", signal, handler).invoke(null, made, proxy);
            return true;
        } catch (InvocationTargetException e) {
            return false;
        } catch (ReflectiveOperationException e) {
            return false;
        }
    }
}
