package io.pinhole.core;

import java.util.Locale;

/** How a data connection was announced. */
public enum TransferMode {
    /** PORT, RFC 959 section 4.1.2. */
    ACTIVE,
    /** PASV answered by 227, RFC 959 section 4.1.2. */
    PASSIVE,
    /** RFC 2428 section 2. */
    EPRT,
    /** EPSV answered by 229, RFC 2428 section 3. */
    EPSV,
    /** RFC 1639. */
    LPRT,
    /** LPSV answered by 228, RFC 1639. */
    LPSV;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** Lower-case name as in JSON. */
    public String label() {
        return label;
    }

    /** True if the server opens the data connection to an address the client announced. */
    public boolean serverConnects() {
        return this == ACTIVE || this == EPRT || this == LPRT;
    }
}
