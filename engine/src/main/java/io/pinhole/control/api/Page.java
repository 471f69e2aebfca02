package io.pinhole.control.api;

import java.util.List;

/**
 * Part of a table.
 *
 * @param next cursor of the next page; empty on the last. A page may be empty and not be the last:
 *     each call looks at a bounded part of the table
 */
public record Page<T>(List<T> rows, String next) {
    public Page {
        rows = List.copyOf(rows);
    }
}
