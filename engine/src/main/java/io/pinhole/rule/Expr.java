package io.pinhole.rule;

import java.util.List;

/** What a rule computes from a packet. A field that the packet does not have breaks the rule. */
public sealed interface Expr {
    record Load(Field field) implements Expr {}

    record Constant(DataType type, long high, long low) implements Expr {}

    record Binary(Operator operator, Expr left, Expr right) implements Expr {}

    /** A value found in a map; a key that is not there breaks the rule. */
    record Lookup(List<Expr> key, ElementSet map) implements Expr {
        public Lookup {
            key = List.copyOf(key);
        }
    }

    /** Bitwise operators on the lowest 64 bits; the kernel offers no others. */
    enum Operator {
        AND("&"),
        OR("|"),
        XOR("^"),
        SHIFT_LEFT("<<"),
        SHIFT_RIGHT(">>");

        private final String text;

        Operator(String text) {
            this.text = text;
        }

        public String text() {
            return text;
        }

        /** The result before it is cut to the width of its type. */
        public long apply(long left, long right) {
            return switch (this) {
                case AND -> left & right;
                case OR -> left | right;
                case XOR -> left ^ right;
                case SHIFT_LEFT -> right > 63 ? 0 : left << right;
                case SHIFT_RIGHT -> right > 63 ? 0 : left >>> right;
            };
        }
    }

    /** Type of the value this gives. */
    default DataType type() {
        return switch (this) {
            case Load(Field field) -> field.type();
            case Constant(DataType type, long high, long low) -> type;
            case Binary(Operator operator, Expr left, Expr right) -> left.type();
            case Lookup(List<Expr> key, ElementSet map) -> {
                DataType data = map.dataType();
                yield data == null ? DataType.INTEGER_32 : data;
            }
        };
    }
}
