package io.pinhole.rule.nft;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every construct of nft text that is read or refused, with what becomes of it. Whether nft itself
 * takes a row, {@code NftRowsIT} asks nft.
 */
class NftTableTest {
    static List<Rows.Row> rules() throws IOException {
        return Rows.rows(NftTableTest.class, "rules.txt");
    }

    static List<Rows.Row> files() throws IOException {
        return Rows.rows(NftTableTest.class, "files.txt");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rules")
    void rule(Rows.Row row) {
        assertThat(Rows.outcome(read(inTable(row.input())))).isEqualTo(row.expected());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("files")
    void file(Rows.Row row) {
        assertThat(Rows.outcome(read(row.input()))).isEqualTo(row.expected());
    }

    private static ReadResult read(String text) {
        return NftReader.read("t.nft", text, Map.of(), IncludeResolver.NONE);
    }

    /** One rule in a table that has one of everything; the rule stands on line 1. */
    static String inTable(String rule) {
        String body = rule.strip();
        return "define P = 21; define PS = { 21, 22 }; define NETS = { 10.0.0.0/8, 192.168.0.0/16"
                + " }; define IF = \"eth0\"; define CH = other; table inet t { ct helper ftp4 {"
                + " type \"ftp\" protocol tcp; l3proto ip; }; ct timeout slow { protocol tcp;"
                + " l3proto ip; policy = { established : 120 }; }; counter hits { }; limit"
                + " slowly { rate 1/second; }; quota some { 1000 bytes; }; set ports { type"
                + " inet_service; flags interval; elements = { 21, 30-40 }; }; set ifs { type"
                + " ifname; elements = { \"lo\", \"eth0\" }; }; set pairs { type ipv4_addr ."
                + " inet_service; flags interval; elements = { 10.0.0.0/8 . 21-25 }; }; set dyn"
                + " { type ipv4_addr; flags dynamic,timeout; }; map"
                + " pairv { type ipv4_addr . inet_service : verdict; elements = { 10.0.0.1 . 21"
                + " : accept }; }; map marks { type inet_service : mark; elements = { 21 : 0x15"
                + " }; }; map cmap { type inet_service : counter; elements = { 21 : \"hits\" };"
                + " }; map verdicts { type inet_service : verdict; elements = { 21 : accept };"
                + " }; chain other { }; chain c { type filter hook forward priority filter;"
                + " policy drop\n"
                + body
                + "\n}\n}\n";
    }
}
