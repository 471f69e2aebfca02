package io.pinhole.validate.check;

import io.pinhole.validate.check.Corpus.Base;
import io.pinhole.validate.check.Corpus.Fault;
import java.util.ArrayList;
import java.util.List;

/** Realistic rule sets as iptables-save writes them, and what can be wrong with them. */
final class IptablesCorpus {
    private IptablesCorpus() {}

    static final List<Base> BASES =
            List.of(
                    new Base(
                            "gateway",
                            """
                            *raw
                            :PREROUTING ACCEPT [0:0]
                            -A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
                            COMMIT
                            *filter
                            :INPUT ACCEPT [0:0]
                            :FORWARD DROP [0:0]
                            :OUTPUT ACCEPT [0:0]
                            #table
                            #first
                            -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
                            -A FORWARD -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT
                            -A FORWARD -d 203.0.113.20/32 -p tcp -m tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT
                            #last
                            COMMIT
                            """),
                    new Base(
                            "server",
                            """
                            *raw
                            :PREROUTING ACCEPT [0:0]
                            -A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
                            COMMIT
                            *filter
                            :INPUT DROP [0:0]
                            :FORWARD DROP [0:0]
                            :OUTPUT ACCEPT [0:0]
                            #table
                            -A INPUT -i lo -j ACCEPT
                            #first
                            -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
                            -A INPUT -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT
                            -A INPUT -p tcp -m multiport --dports 21,22 -m conntrack --ctstate NEW -j ACCEPT
                            #last
                            COMMIT
                            """));

    static List<Fault> faults(Base base) {
        String chain = base.name().equals("server") ? "INPUT" : "FORWARD";
        List<Fault> out = new ArrayList<>();
        String a = "-A " + chain + " ";
        String helper = "-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\n";
        for (int n = 0; n < 3; n++) {
            int p = 7000 + 100 * n;
            String tcp = "-p tcp -m tcp --dport ";
            out.add(
                    Fault.of(
                            "shadowed " + p,
                            "shadowed",
                            "#first",
                            a
                                    + tcp
                                    + p
                                    + ":"
                                    + (p + 9)
                                    + " -j ACCEPT\n"
                                    + a
                                    + tcp
                                    + p
                                    + " -j DROP"));
            out.add(
                    Fault.of(
                            "covered " + p,
                            "covered",
                            "#first",
                            a
                                    + tcp
                                    + p
                                    + ":"
                                    + (p + 9)
                                    + " -j ACCEPT\n"
                                    + a
                                    + tcp
                                    + p
                                    + " -j ACCEPT"));
            out.add(Fault.of("redundant " + p, "redundant", "#last", a + tcp + p + " -j DROP"));
            out.add(
                    Fault.of(
                            "contradiction " + p,
                            "contradiction",
                            "#first",
                            a
                                    + "-m conntrack --ctstate NEW -m state --state ESTABLISHED "
                                    + tcp
                                    + p
                                    + " -j ACCEPT"));
            out.add(
                    Fault.of(
                            "unreachable " + p,
                            "unreachable",
                            "#table",
                            ":inner - [0:0]",
                            "#first",
                            a
                                    + "-s 10."
                                    + n
                                    + ".0.0/16 "
                                    + tcp
                                    + p
                                    + " -j inner\n"
                                    + "-A inner -s 11.0.0.1/32 -j ACCEPT\n-A inner -p tcp -m tcp --sport 99:65535 -j ACCEPT"));
            out.add(
                    Fault.of(
                            "unused " + p,
                            "unused-chain",
                            "#table",
                            ":lost - [0:0]",
                            "#first",
                            "-A lost " + tcp + p + " -j ACCEPT"));
        }
        out.add(Fault.of("no helper", "helper-never-assigned", helper, ""));
        out.add(
                Fault.of(
                        "helper for 2121",
                        "helper-wrong-port control-without-helper",
                        "--dport 21 -j CT",
                        "--dport 2121 -j CT"));
        out.add(
                Fault.of(
                        "related forgotten",
                        "related-not-accepted",
                        "-A FORWARD", // where both directions are filtered
                        "-A FORWARD",
                        a + "-m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT\n",
                        "\n"));
        out.add(Fault.of("too wide", "related-too-wide", " -m helper --helper ftp", ""));
        out.add(
                Fault.of(
                        "high ports",
                        "high-ports-open",
                        "#last",
                        a
                                + "-p tcp -m tcp --dport 1024:65535 -m conntrack --ctstate NEW -j ACCEPT"));
        return out;
    }
}
