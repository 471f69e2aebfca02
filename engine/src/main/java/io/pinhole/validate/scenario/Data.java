package io.pinhole.validate.scenario;

/** Payload: written out, or so many bytes that nobody reads. */
public sealed interface Data {
    Data NONE = new Filler(0);

    long length();

    record Text(Bytes bytes) implements Data {
        @Override
        public long length() {
            return bytes.length();
        }
    }

    record Filler(long length) implements Data {}
}
