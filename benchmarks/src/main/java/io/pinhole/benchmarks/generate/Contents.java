package io.pinhole.benchmarks.generate;

import static java.nio.charset.StandardCharsets.US_ASCII;

/**
 * What transfers carry. A stream takes its bytes from a pool by their sequence numbers, so that a
 * retransmission repeats them without anybody remembering them.
 */
final class Contents {
    /** Longest piece that can be taken at once, in bytes. */
    static final int LONGEST = 2048;

    private static final int SIZE = 1 << 20;
    private static final int MASK = SIZE - 1;

    // Lines that a packet inspector must not take for a control dialogue, whatever carries them.
    private static final String[] LURES = {
        "227 Entering Passive Mode (198,19,0,9,200,10).\r\n",
        "229 Entering Extended Passive Mode (|||50001|)\r\n",
        "PORT 198,18,0,9,200,10\r\n",
        "EPRT |1|198.18.0.9|50001|\r\n",
    };

    final byte[] binary = new byte[SIZE + LONGEST];
    final byte[] text = new byte[SIZE + LONGEST];

    Contents(Dice dice) {
        for (int i = 0; i + 8 <= SIZE; i += 8) {
            long bits = dice.bits();
            for (int j = 0; j < 8; j++) {
                binary[i + j] = (byte) (bits >>> 8 * j);
            }
        }
        int at = 0;
        while (at < SIZE) {
            byte[] line = line(dice).getBytes(US_ASCII);
            int part = Math.min(line.length, SIZE - at);
            System.arraycopy(line, 0, text, at, part);
            at += part;
        }
        System.arraycopy(binary, 0, binary, SIZE, LONGEST);
        System.arraycopy(text, 0, text, SIZE, LONGEST);
    }

    private static String line(Dice dice) {
        if (dice.percent(3)) {
            return dice.oneOf(LURES);
        }
        return "-rw-r--r--    1 ftp      ftp      %8d Mar %02d 09:%02d report-%05d.csv\r\n"
                .formatted(
                        dice.spread(1, 99_999_999),
                        dice.between(1, 31),
                        dice.below(60),
                        dice.below(100_000));
    }

    /** Where in a pool the byte with this number stands. */
    static int at(int number) {
        return number & MASK;
    }
}
