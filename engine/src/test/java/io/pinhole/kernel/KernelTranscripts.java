package io.pinhole.kernel;

/** What Linux 6.18 makes of known situations; see {@link Transcripts} for the notation. */
final class KernelTranscripts {
    private KernelTranscripts() {}

    /** After the kernel's own scenarios in tools/testing/selftests/net/netfilter/packetdrill. */
    static final String TRACKING =
            """
            === lost ACK: the server repeats data that was acknowledged out of sight
            > S 1000 win 65535 wscale 7         = new
            < SA 5000 ack 1001 wscale 7         = established
            > A 1001 ack 5001 win 500           = established
            < PA 5001 ack 1001 win 500 len 1000 = established
            < PA 6001 ack 1001 win 500 len 1000 = established
            > A 1001 ack 7001 win 500           = established
            < PA 5001 ack 1001 win 500 len 1000 = established
            < PA 7001 ack 1001 win 500 len 1000 = established
            > PA 1001 ack 7001 win 500 len 100  = established
            < PA 7001 ack 1001 win 500 len 1000 = established
            > A 1101 ack 8001 win 500           = established

            === an RST in the window but not exact leaves the connection open
            > S 1000                            = new
            < SA 5000 ack 1001                  = established
            > A 1001 ack 5001                   = established
            > PA 1001 ack 5001 len 100          = established
            < A 5001 ack 1101                   = established
            > R 1105                            = established
            > PA 1101 ack 5001 len 100          = established
            < A 5001 ack 1201                   = established
            > R 1201                            = established
            > PA 1201 ack 5001 len 10           = established

            === an RST that answers a SYN with a wrong number is invalid
            > S 1000                            = new
            < RA 0 ack 90000                    = invalid
            < RA 0 ack 1001                     = established
            > S 1000                            = new

            === an RST below what was acknowledged is invalid
            > S 1000                            = new
            < SA 5000 ack 1001                  = established
            > A 1001 ack 5001                   = established
            < PA 5001 ack 1001 len 100          = established
            > A 1001 ack 5101                   = established
            < R 5000                            = invalid
            < R 5101                            = established

            === a SYN on a known connection, a challenge ACK, an RST, and the SYN again
            > S 1000                            = new
            < SA 5000 ack 1001                  = established
            > A 1001 ack 5001                   = established
            > S 90000                           = established
            < A 5001 ack 1001                   = established
            > R 1001                            = established
            > S 90000                           = new
            < SA 70000 ack 90001                = established

            === a SYN-ACK to an older SYN
            > S 1000                            = new
            < SA 5000 ack 501                   = established
            > R 501                             = established
            > S 1000                            = new
            < SA 5000 ack 1001                  = established

            === a SYN-ACK to a SYN that reuses the connection's ports
            > S 1000                            = new
            < SA 5000 ack 1001                  = established
            > A 1001 ack 5001                   = established
            > PA 1001 ack 5001 len 100          = established
            > S 90000                           = established
            < SA 70000 ack 90001                = established
            > A 90001 ack 70001                 = established
            > PA 90001 ack 70001 len 100        = established

            === reuse after both sides closed
            > S 1000                            = new
            < SA 5000 ack 1001                  = established
            > A 1001 ack 5001                   = established
            > FA 1001 ack 5001                  = established
            < FA 5001 ack 1002                  = established
            > A 1002 ack 5002                   = established
            > S 90000                           = new
            < SA 70000 ack 90001                = established
            > A 90001 ack 70001                 = established

            === simultaneous open
            > S 1000                            = new
            < S 5000                            = established
            > SA 1000 ack 5001                  = established
            < SA 5000 ack 1001                  = established
            > A 1001 ack 5001                   = established

            === an RST far below the window does not answer a SYN of its own side
            > S 100000 win 100                  = new
            < S 1 win 100                       = established
            < RA 4294967021 win 100             = established
            < SA 2 ack 100001 win 100           = established
            > A 100001 ack 3 win 100            = established

            === an RST that answers a SYN of the other side ends the connection wherever it is
            > S 100000 win 100                  = new
            < S 1 win 100                       = established
            > RA 1000 win 100                   = established
            > S 200000 win 100                  = new

            === an RST beyond the window does not answer a SYN that its own side repeats
            > S 4059588660 win 100              = new
            < A 4294967280 ack 2 win 0          = established
            > S 4059588660 win 100              = established
            > RA 1 ack 4294967280               = invalid

            === an RST that answers an ACK let through before the connection began
            > S 4059588660 win 100              = new
            < A 4294967280 ack 2 win 0          = established
            > RA 1 ack 4294967280               = established

            === picked up in mid-stream
            > PA 1001 ack 5001 len 100          = new
            < A 5001 ack 1101                   = established
            > FA 1101 ack 5001                  = established

            === not begun by a FIN, an RST or a SYN-ACK
            > FA 1001 ack 5001                  = invalid
            > R 1001                            = invalid
            < SA 5000 ack 1001                  = invalid

            === beyond the window
            > S 1000                            = new
            < SA 5000 ack 1001 win 1000         = established
            > A 1001 ack 5001                   = established
            > PA 1001 ack 5001 len 1000         = established
            > PA 2001 ack 5001 len 1000         = established
            > PA 9001 ack 5001 len 100          = invalid
            """;

    /** Each row of the table in docs/semantics.md. */
    static final String HELPER =
            """
            === PORT
            > PA 1007 ack 5020 "PORT 198,51,100,7,195,81\\r\\n"     = established
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = related
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = related

            === 227
            < PA 5020 ack 1007 "227 Entering Passive Mode (203,0,113,10,195,81).\\r\\n" = established
            data(198.51.100.7:40001 > 203.0.113.10:50001) S 1      = related
            data(198.51.100.7:40002 > 203.0.113.10:50001) S 1      = new

            === PORT in two segments
            > PA 1007 ack 5020 "PORT 198,51,100"                   = established dropped
            > PA 1007 ack 5020 "PORT 198,51,100"                   = established dropped

            === PORT whose CRLF comes later
            > PA 1007 ack 5020 "PORT 198,51,100,7,195,81"          = established dropped

            === PORT in two segments, the first of which ends in a digit
            < PA 5020 ack 1007 "227 Passive (203,0,113,10,195,8"   = established dropped

            === 227 whose CRLF comes later
            < PA 5020 ack 1007 "227 Passive (203,0,113,10,195,81)" = established
            data(198.51.100.7:40001 > 203.0.113.10:50001) S 1      = related

            === PORT behind another command in its segment
            > PA 1007 ack 5020 "NOOP\\r\\nPORT 198,51,100,7,195,81\\r\\n" = established
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = new

            === PORT before another command in its segment
            > PA 1007 ack 5020 "PORT 198,51,100,7,195,81\\r\\nNOOP\\r\\n" = established
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = related

            === 227 inside its multi-line reply
            < PA 5020 ack 1007 "227-Entering\\r\\n227 Passive (203,0,113,10,195,81)\\r\\n" = established
            data(198.51.100.7:40001 > 203.0.113.10:50001) S 1      = new

            === telnet IAC before PORT
            > PA 1007 ack 5020 "\u00ff\u00f4PORT 198,51,100,7,195,81\\r\\n" = established
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = new

            === blanks in the address
            < PA 5020 ack 1007 "227 Passive (203, 0, 113, 10, 195, 81)\\r\\n" = established dropped

            === a digit in the text before the address
            < PA 5020 ack 1007 "227 Mode 2 (203,0,113,10,195,81)\\r\\n" = established dropped

            === 229 with other parentheses before
            < PA 5020 ack 1007 "229 Entering (extended) Mode (|||50001|)\\r\\n" = established dropped

            === PORT with two blanks
            > PA 1007 ack 5020 "PORT  198,51,100,7,195,81\\r\\n"    = established dropped

            === PORT with a trailing blank
            > PA 1007 ack 5020 "PORT 198,51,100,7,195,81 \\r\\n"    = established dropped

            === PORT with a tab
            > PA 1007 ack 5020 "PORT\\t198,51,100,7,195,81\\r\\n"    = established dropped

            === PORT ended by a bare LF
            > PA 1007 ack 5020 "PORT 198,51,100,7,195,81\\n"       = established dropped

            === a reply that is no address
            < PA 5020 ack 1007 "227 Logout.\\r\\n"                  = established dropped

            === a typing error in PORT
            > PA 1007 ack 5020 "PORT 198,51,100,7,195\\r\\n"        = established dropped

            === 227 naming another host
            < PA 5020 ack 1007 "227 Passive (192,168,0,1,195,81)\\r\\n" = established
            data(198.51.100.7:40001 > 203.0.113.10:50001) S 1      = new

            === PORT naming another host
            > PA 1007 ack 5020 "PORT 198,51,100,8,195,81\\r\\n"     = established
            data(203.0.113.10:20 > 198.51.100.8:50001) S 1         = new

            === a port below 1024
            > PA 1007 ack 5020 "PORT 198,51,100,7,0,22\\r\\n"       = established
            data(203.0.113.10:20 > 198.51.100.7:22) S 1            = related

            === 227 inside another reply
            < PA 5020 ack 1007 "213-Status\\r\\n"                   = established
            < PA 5032 ack 1007 "227 (203,0,113,10,195,81)\\r\\n"    = established
            data(198.51.100.7:40001 > 203.0.113.10:50001) S 1      = related

            === PORT that the server refused
            > PA 1007 ack 5020 "PORT 198,51,100,7,195,81\\r\\n"     = established
            < PA 5020 ack 1033 "500 no\\r\\n"                       = established
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = related

            === numbers out of range wrap
            > PA 1007 ack 5020 "PORT 198,51,100,7,300,300\\r\\n"    = established
            data(203.0.113.10:20 > 198.51.100.7:11564) S 1         = related

            === EPRT out of range wraps
            > PA 1007 ack 5020 "EPRT |1|198.51.100.7|99999|\\r\\n"  = established
            data(203.0.113.10:20 > 198.51.100.7:34463) S 1         = related

            === 227 out of range wraps
            < PA 5020 ack 1007 "227 (203,0,113,10,256,1)\\r\\n"     = established
            data(198.51.100.7:40001 > 203.0.113.10:1) S 1          = related

            === after the control connection was reset
            > PA 1007 ack 5020 "PORT 198,51,100,7,195,81\\r\\n"     = established
            < RA 5020 ack 1033                                     = established
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = related

            === after the control connection was closed
            > PA 1007 ack 5020 "PORT 198,51,100,7,195,81\\r\\n"     = established
            < FA 5020 ack 1033                                     = established
            > FA 1033 ack 5021                                     = established
            < A 5021 ack 1034                                      = established
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = related

            === a retransmission with other bytes
            > PA 1007 ack 5020 "NOOP\\r\\n"                         = established
            > PA 1007 ack 5020 "PWD1\\r\\n"                         = established

            === a new announcement replaces the old
            > PA 1007 ack 5020 "PORT 198,51,100,7,195,81\\r\\n"     = established
            > PA 1033 ack 5020 "PORT 198,51,100,7,195,82\\r\\n"     = established
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = new
            data(203.0.113.10:21 > 198.51.100.7:50002) S 1         = related

            === port 0 in PORT
            > PA 1007 ack 5020 "PORT 198,51,100,7,0,0\\r\\n"        = established
            data(203.0.113.10:20 > 198.51.100.7:50001) S 1         = new
            """;
}
