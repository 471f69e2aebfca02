package io.pinhole.validate.scenario;

import java.util.ArrayList;
import java.util.List;

/** Parts of packet lines, as they are read. */
public final class PacketText {
    private PacketText() {}

    /** {@code syn+ack}; {@code none} where no bit is set. */
    public static String flags(int bits) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < PacketParser.FLAGS.size(); i++) {
            if ((bits & 1 << i) != 0) {
                names.add(PacketParser.FLAGS.get(i));
            }
        }
        return names.isEmpty() ? "none" : String.join("+", names);
    }

    /** {@code icmp echo-request}, {@code icmpv6 77 code=3}. */
    public static String icmp(int type, int code, boolean v4) {
        String protocol = v4 ? "icmp " : "icmpv6 ";
        IcmpTypes.Kind wanted = new IcmpTypes.Kind(type, code);
        for (String name : IcmpTypes.names(!v4)) {
            if (wanted.equals(IcmpTypes.find(name, !v4))) {
                return protocol + name;
            }
        }
        return protocol + type + (code == 0 ? "" : " code=" + code);
    }

    /** The type that asks for an answer of this type, or answers it; the same for others. */
    public static int icmpAnswer(int type, boolean v4) {
        if (!v4) {
            return type == 128 ? 129 : type == 129 ? 128 : type;
        }
        return switch (type) {
            case 0 -> 8;
            case 8 -> 0;
            case 13, 15, 17 -> type + 1;
            case 14, 16, 18 -> type - 1;
            default -> type;
        };
    }
}
