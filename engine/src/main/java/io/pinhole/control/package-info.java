/**
 * The control API: HTTP in, calls of {@link io.pinhole.control.api.Gateway} out; and its client.
 *
 * <p>The only room that knows Netty. It knows no packet, table or file of the gateway: a slow or
 * hostile client costs threads and memory here, within stated bounds, and the packet path nothing.
 */
@NullMarked
package io.pinhole.control;

import org.jspecify.annotations.NullMarked;
