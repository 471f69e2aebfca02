package io.pinhole.rule;

/** A stateful object of a table. */
public sealed interface NamedObject {
    String name();

    ObjectKind kind();

    SourcePos at();

    record Counter(String name, long packets, long bytes, SourcePos at) implements NamedObject {
        @Override
        public ObjectKind kind() {
            return ObjectKind.COUNTER;
        }
    }

    record Quota(String name, QuotaSize size, SourcePos at) implements NamedObject {
        @Override
        public ObjectKind kind() {
            return ObjectKind.QUOTA;
        }
    }

    record Limit(String name, LimitRate rate, SourcePos at) implements NamedObject {
        @Override
        public ObjectKind kind() {
            return ObjectKind.LIMIT;
        }
    }

    record Helper(HelperObject helper, SourcePos at) implements NamedObject {
        @Override
        public String name() {
            return helper.name();
        }

        @Override
        public ObjectKind kind() {
            return ObjectKind.HELPER;
        }
    }

    record Timeout(TimeoutObject timeout, SourcePos at) implements NamedObject {
        @Override
        public String name() {
            return timeout.name();
        }

        @Override
        public ObjectKind kind() {
            return ObjectKind.TIMEOUT;
        }
    }

    /**
     * {@code ct expectation NAME { protocol tcp; dport 21; timeout 1h; size 12; l3proto ip; }}.
     *
     * @param timeoutMillis lifetime
     * @param size expectations for one flow
     */
    record Expectation(
            String name,
            int l4proto,
            int family,
            int port,
            long timeoutMillis,
            int size,
            SourcePos at)
            implements NamedObject {
        @Override
        public ObjectKind kind() {
            return ObjectKind.EXPECTATION;
        }
    }
}
