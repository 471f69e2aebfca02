package io.pinhole.ftp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Settings;
import io.pinhole.core.Settings.HelperPolicy;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What transcripts cannot say: positions, secrets, memory. */
class ControlDialogueTest {
    private final Recorder recorder = new Recorder();
    private final ControlDialogue dialogue =
            new ControlDialogue(
                    Transcript.CLIENT,
                    Transcript.SERVER,
                    HelperPolicy.DEFAULTS,
                    Settings.Limits.DEFAULTS,
                    recorder);

    private void feed(Side side, String text, long position) {
        byte[] b = text.getBytes(StandardCharsets.ISO_8859_1);
        dialogue.feed(side, MemorySegment.ofArray(b), 0, b.length, position);
    }

    @Test
    void positionsNameThePacketsOfLineQuestionAndReply() {
        feed(Side.SERVER, "220 ready\r\n", 1);
        feed(Side.CLIENT, "NOOP\r\nPORT 198,51,", 2);
        feed(Side.CLIENT, "100,10,200,10\r", 3);
        feed(Side.CLIENT, "\n", 4);
        feed(Side.SERVER, "200 ok\r\n200", 5);
        feed(Side.SERVER, " ok\r\n", 6);
        feed(Side.CLIENT, "PAS", 7);
        feed(Side.CLIENT, "V\r\n", 8);
        feed(Side.SERVER, "227-x\r\n227 (203,0,113", 9);
        feed(Side.SERVER, ",20,195,80)\r\n", 10);
        assertThat(recorder.opened)
                .extracting(
                        Announcement::firstPosition,
                        Announcement::position,
                        Announcement::askedPosition,
                        Announcement::confirmedPosition,
                        Announcement::text)
                .containsExactly(
                        tuple(2L, 4L, -1L, 6L, "PORT 198,51,100,10,200,10"),
                        tuple(9L, 10L, 8L, 10L, "227 (203,0,113,20,195,80)"));
    }

    @Test
    void aPassiveAnnouncementIsToldBeforeItOpens() {
        List<String> order = new ArrayList<>();
        ControlDialogue told =
                new ControlDialogue(
                        Transcript.CLIENT,
                        Transcript.SERVER,
                        HelperPolicy.DEFAULTS,
                        Settings.Limits.DEFAULTS,
                        new OrderListener(order));
        for (String line : List.of("S220 x", "CPASV", "S227 (203,0,113,20,195,80)")) {
            byte[] b = (line.substring(1) + "\r\n").getBytes(StandardCharsets.US_ASCII);
            Side side = line.startsWith("C") ? Side.CLIENT : Side.SERVER;
            told.feed(side, MemorySegment.ofArray(b), 0, b.length, 1);
        }
        assertThat(order).containsExactly("announced", "open");
    }

    @Test
    void theAnnouncedHostStaysVisibleWhereThePinholeLeadsElsewhere() {
        feed(Side.SERVER, "220 ready\r\n", 1);
        feed(Side.CLIENT, "PASV\r\n", 2);
        feed(Side.SERVER, "227 (10,0,0,5,195,80)\r\n", 3);
        Announcement a = recorder.opened.getFirst();
        assertThat(a.address()).hasToString("10.0.0.5");
        assertThat(a.target()).isEqualTo(Transcript.SERVER);
    }

    /** Attack: a password in a log. Every transcript's passwords are called hunter2 or labpass. */
    @Test
    void noTextHoldsAPassword() throws IOException {
        int texts = 0;
        for (Transcript transcript : TranscriptTest.transcripts()) {
            for (String text : transcript.texts()) {
                assertThat(text).as(transcript.title()).doesNotContain("hunter2", "labpass");
                texts++;
            }
        }
        assertThat(texts).isGreaterThan(100);
    }

    @ParameterizedTest
    @CsvSource({"PASS", "pass", "ACCT", "ADAT", "AUTH"})
    void argumentsOfSecretsAreNotKeptEvenInMemory(String verb) {
        assertThat(Command.of(verb)).isNotEqualTo(Command.UNKNOWN);
        assertThat(Command.of(verb).takesName()).isFalse();
    }

    @Test
    void aLineWithoutEndTakesNoMoreThanTheLimit() {
        LineReader reader = new LineReader(4096);
        for (int i = 0; i < 1_000_000; i++) {
            assertThat(reader.accept((byte) 'x', 1)).isFalse();
        }
        assertThat(reader.line().length()).isEqualTo(4096);
        assertThat(reader.accept((byte) '\n', 1)).isTrue();
        assertThat(reader.line().overlong).isTrue();
        assertThat(reader.accept((byte) '\n', 1)).isTrue();
        assertThat(reader.line().overlong).isFalse();
    }

    @Test
    void nothingOfALineStaysInMemory() {
        Line line = new Line(16);
        for (byte b : "PASS secret".getBytes(StandardCharsets.US_ASCII)) {
            line.append(b);
        }
        byte[] buffer = line.buffer();
        line.clear();
        assertThat(buffer).containsOnly(0);
    }

    @Test
    void aLongLinesBufferIsGivenBackAndWiped() {
        Line line = new Line(4096);
        for (int i = 0; i < 5_000; i++) {
            line.append((byte) 'x');
        }
        byte[] buffer = line.buffer();
        assertThat(buffer).hasSize(4096);
        line.clear();
        assertThat(buffer).containsOnly(0);
        assertThat(line.buffer()).hasSizeLessThan(1024);
    }

    @ParameterizedTest
    @CsvSource({
        "220 (vsFTPd 3.0.3),                          vsFTPd 3.0.3",
        "220 vsFTPd 2.0.5+ (ext.1) ready...,          vsFTPd 2.0.5",
        "220 ProFTPD 1.3.8b Server (lab) [::1],       ProFTPD 1.3.8b",
        "220 ProFTPD Server (lab) [::ffff:1.2.3.4],   ProFTPD",
        "220 pyftpdlib 1.5.7 ready.,                  pyftpdlib 1.5.7",
        "220 pyftpdlib 2.0.0.,                        pyftpdlib 2.0.0",
        "220-FileZilla Server 1.8.2,                  FileZilla Server 1.8.2",
        "220 Microsoft FTP Service,                   Microsoft FTP Service",
        "220 PROFTPD,                                 ProFTPD",
        "220 Welcome,                                 ",
    })
    void findsTheServersName(String greeting, String software) {
        feed(Side.SERVER, greeting + "\r\n", 1);
        assertThat(dialogue.serverSoftware()).isEqualTo(software);
    }

    @ParameterizedTest
    @CsvSource({
        "RETR, DOWNLOAD, SERVER",
        "stor, UPLOAD, CLIENT",
        "STOU, UPLOAD, CLIENT",
        "APPE, UPLOAD, CLIENT",
        "list, LISTING, SERVER",
        "NLST, LISTING, SERVER",
        "MLSD, LISTING, SERVER",
        "MLST, ,",
        "PORT, ,",
        "UNKNOWN, ,",
    })
    void knowsWhichCommandsMoveData(String verb, TransferKind kind, Side sender) {
        assertThat(TransferKind.of(verb)).isEqualTo(kind);
        if (kind != null) {
            assertThat(kind.sender()).isEqualTo(sender);
        }
    }

    private record OrderListener(List<String> order) implements DialogueListener {
        @Override
        public void announced(Announcement a) {
            order.add("announced");
        }

        @Override
        public void open(Announcement a) {
            order.add("open");
        }

        @Override
        public void refused(Announcement a, Anomaly why, String detail) {}

        @Override
        public void transfer(Announcement a, String command, String file, long position) {}

        @Override
        public void transferEnded(Announcement a, int code, long position) {}

        @Override
        public void anomaly(Anomaly kind, long position, String detail) {}

        @Override
        public void closing(long position) {}

        @Override
        public void encrypted(long position) {}

        @Override
        public void cleartext(long position) {}
    }
}
