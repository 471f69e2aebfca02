package io.pinhole.capture;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.zip.GZIPOutputStream;

/** Capture files made by hand, field by field as the specifications have them. */
final class CaptureBytes {
    static final int MICROS = 0xa1b2c3d4;
    static final int NANOS = 0xa1b23c4d;
    static final int MODIFIED = 0xa1b2cd34;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final ByteOrder order;

    private CaptureBytes(ByteOrder order) {
        this.order = order;
    }

    static CaptureBytes in(ByteOrder order) {
        return new CaptureBytes(order);
    }

    static CaptureBytes little() {
        return in(ByteOrder.LITTLE_ENDIAN);
    }

    static CaptureBytes pcap(int magic, int network) {
        return little().pcapHeader(magic, 2, 4, 65_535, network);
    }

    CaptureBytes pcapHeader(int magic, int major, int minor, int snapLength, int network) {
        return u32(magic).u16(major).u16(minor).u32(0).u32(0).u32(snapLength).u32(network);
    }

    CaptureBytes record(int seconds, int fraction, int captured, int wire, String hex) {
        return u32(seconds).u32(fraction).u32(captured).u32(wire).hex(hex);
    }

    /** A section header block without options. */
    CaptureBytes section() {
        return block(0x0a0d0d0a, same().u32(0x1a2b3c4d).u16(1).u16(0).u64(-1));
    }

    CaptureBytes ethernet() {
        return device(1, 0, same());
    }

    CaptureBytes device(int link, int snapLength, CaptureBytes options) {
        return block(1, same().u16(link).u16(0).u32(snapLength).append(options));
    }

    CaptureBytes enhanced(int device, long time, int captured, int wire, String hex) {
        return enhanced(device, time, captured, wire, hex, same());
    }

    CaptureBytes enhanced(
            int device, long time, int captured, int wire, String hex, CaptureBytes options) {
        return block(
                6,
                same().u32(device)
                        .u32((int) (time >>> 32))
                        .u32((int) time)
                        .u32(captured)
                        .u32(wire)
                        .hex(hex)
                        .pad()
                        .append(options));
    }

    CaptureBytes simple(int wire, String hex) {
        return block(3, same().u32(wire).hex(hex).pad());
    }

    CaptureBytes obsolete(int device, long time, int captured, int wire, String hex, int flags) {
        return block(
                2,
                same().u16(device)
                        .u16(7)
                        .u32((int) (time >>> 32))
                        .u32((int) time)
                        .u32(captured)
                        .u32(wire)
                        .hex(hex)
                        .pad()
                        .append(same().option(2, flags)));
    }

    CaptureBytes block(int type, CaptureBytes body) {
        int length = body.bytes.size() + 12;
        return u32(type).u32(length).append(body).u32(length);
    }

    CaptureBytes option(int code, byte value) {
        return option(code, new byte[] {value});
    }

    CaptureBytes option(int code, byte[] value) {
        u16(code).u16(value.length).bytes.writeBytes(value);
        return pad();
    }

    CaptureBytes option(int code, String value) {
        return option(code, value.getBytes(StandardCharsets.UTF_8));
    }

    CaptureBytes option(int code, int value) {
        return option(code, same().u32(value).toArray());
    }

    CaptureBytes option(int code, long value) {
        return option(code, same().u64(value).toArray());
    }

    CaptureBytes u16(int value) {
        bytes.writeBytes(ByteBuffer.allocate(2).order(order).putShort((short) value).array());
        return this;
    }

    CaptureBytes u32(int value) {
        bytes.writeBytes(ByteBuffer.allocate(4).order(order).putInt(value).array());
        return this;
    }

    CaptureBytes u64(long value) {
        bytes.writeBytes(ByteBuffer.allocate(8).order(order).putLong(value).array());
        return this;
    }

    CaptureBytes hex(String digits) {
        bytes.writeBytes(HexFormat.of().parseHex(digits));
        return this;
    }

    CaptureBytes zeros(int count) {
        bytes.writeBytes(new byte[count]);
        return this;
    }

    CaptureBytes append(CaptureBytes other) {
        bytes.writeBytes(other.toArray());
        return this;
    }

    private CaptureBytes pad() {
        return zeros(-bytes.size() & 3);
    }

    byte[] toArray() {
        return bytes.toByteArray();
    }

    private CaptureBytes same() {
        return in(order);
    }

    static byte[] gzip(byte[] plain) {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            out.write(plain);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packed.toByteArray();
    }
}
