package io.pinhole.rule;

/**
 * {@code ct helper NAME { type "ftp" protocol tcp; l3proto ip; }}.
 *
 * @param type the kernel helper's name, {@code "ftp"}
 * @param l4proto 6 for tcp, 17 for udp
 * @param family 4, 6, or 0 where the object serves both (inet without l3proto)
 */
public record HelperObject(String table, String name, String type, int l4proto, int family) {}
