package io.pinhole.rule;

/**
 * {@code ct helper NAME { type "ftp" protocol tcp; l3proto ip; }}.
 *
 * @param type the kernel helper's name, {@code "ftp"}
 * @param l4proto 6 for tcp, 17 for udp
 * @param family 4, 6, or 0 where the object serves both (inet without l3proto)
 * @param template true for {@code -j CT --helper}, which acts before connection tracking and gives
 *     the helper to the flow that the packet then begins
 */
public record HelperObject(
        String table, String name, String type, int l4proto, int family, boolean template) {
    /** {@code ct helper set}: acts on the packet's flow. */
    public HelperObject(String table, String name, String type, int l4proto, int family) {
        this(table, name, type, l4proto, family, false);
    }
}
