package io.pinhole;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchRule;
import java.io.IOException;
import java.io.Serializable;
import java.lang.foreign.Linker;
import java.time.Clock;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The arrows between the packages: who may know whom, and who may touch the outside world. */
class ArchitectureTest {
    private static final JavaClasses PRODUCT =
            new ClassFileImporter()
                    .withImportOption(where -> !where.contains("/test-classes/"))
                    .importPackages("io.pinhole");

    /** The way of a packet: what happens here depends on arguments alone. */
    private static final String[] PURE = packages("core decode flow ftp expect rule path");

    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # package   | may know, beside itself and core
                    core        | ''
                    decode      | ''
                    flow        | decode
                    ftp         | ''
                    expect      | ''
                    rule        | decode
                    path        | decode flow ftp expect rule
                    capture     | decode
                    gateway     | decode path capture rule control.api
                    report      | path capture rule
                    validate    | path rule capture report decode
                    control     | ''
                    control.api | ''
                    """)
    void knowsOnly(String room, String others) {
        check(
                classes()
                        .that()
                        .resideInAPackage("io.pinhole." + room + "..")
                        .should()
                        .onlyDependOnClassesThat(
                                resideOutsideOfPackage("io.pinhole..")
                                        .or(
                                                resideInAnyPackage(
                                                        packages(room + " core " + others)))));
    }

    @Test
    void everyClassHasItsRoom() {
        check(
                classes()
                        .should()
                        .resideInAnyPackage(
                                packages(
                                        "core decode flow ftp expect rule path capture gateway"
                                                + " report validate control cli")));
    }

    @Test
    void theWayOfAPacketNeitherLogsNorReadsNorWrites() {
        check(
                noClasses()
                        .that()
                        .resideInAnyPackage(PURE)
                        .should()
                        .dependOnClassesThat(
                                resideInAnyPackage(
                                                "java.util.logging..",
                                                "org.slf4j..",
                                                "java.io..",
                                                "java.nio.file..",
                                                "java.nio.channels..")
                                        .and(not(type(Serializable.class)))
                                        // a word for what an include could not bring
                                        .and(not(type(IOException.class))))
                        .orShould()
                        .accessTargetWhere(targets(type(System.class), "in|out|err")));
    }

    @Test
    void theWayOfAPacketReadsNoClock() {
        check(
                noClasses()
                        .that()
                        .resideInAnyPackage(PURE)
                        .should()
                        .accessTargetWhere(
                                targets(type(System.class), "currentTimeMillis|nanoTime"))
                        .orShould()
                        .accessTargetWhere(targets(resideInAPackage("java.time.."), "now"))
                        .orShould()
                        .dependOnClassesThat(type(Clock.class)));
    }

    @Test
    void onlyCaptureCallsTheSystem() {
        check(
                noClasses()
                        .that()
                        .resideOutsideOfPackage("io.pinhole.capture..")
                        .should()
                        .dependOnClassesThat(
                                resideInAPackage("org.pcap4j..").or(type(Linker.class))));
    }

    @Test
    void onlyControlKnowsNetty() {
        check(
                noClasses()
                        .that()
                        .resideOutsideOfPackage("io.pinhole.control..")
                        .or()
                        .resideInAPackage("io.pinhole.control.api..")
                        .should()
                        .dependOnClassesThat(resideInAPackage("io.netty..")));
    }

    /** A use of one of {@code owner}'s methods or fields whose name matches, also by reference. */
    private static DescribedPredicate<JavaAccess<?>> targets(
            DescribedPredicate<JavaClass> owner, String names) {
        return JavaAccess.Predicates.target(owner(owner))
                .and(JavaAccess.Predicates.target(nameMatching(names)));
    }

    private static String[] packages(String rooms) {
        return Arrays.stream(rooms.trim().split(" +"))
                .map(room -> "io.pinhole." + room + "..")
                .toArray(String[]::new);
    }

    /** A package that does not exist yet obeys. */
    private static void check(ArchRule rule) {
        rule.allowEmptyShould(true).check(PRODUCT);
    }
}
