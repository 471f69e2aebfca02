package io.pinhole.cli;

import io.pinhole.rule.nft.IncludeResolver;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;

/** Brings the text of rule files: from disk, or the bundled ones from the program itself. */
final class RuleFiles implements IncludeResolver {
    /** Name of the set that is in force without {@code --rules}. */
    static final String DEFAULT = "ftp-gateway.nft";

    /** The largest rule file that is read, in bytes. */
    static final long MAX_BYTES = 256L << 20;

    private static final String RESOURCES = "/io/pinhole/rules/";

    /** The bytes of a bundled rule set. */
    static byte[] bundled(String name) throws IOException {
        try (InputStream in = RuleFiles.class.getResourceAsStream(RESOURCES + name)) {
            if (in == null) {
                throw new IOException("the bundled rule set " + name + " is missing");
            }
            return in.readAllBytes();
        }
    }

    /** The bytes of a rule file. */
    static byte[] read(String name) throws UserError {
        try {
            return bytes(Path.of(name));
        } catch (InvalidPathException e) {
            throw new UserError(SettingsText.quoted(name) + " is no file name");
        } catch (IOException e) {
            throw new UserError(
                    "cannot read rule set " + SettingsText.visible(name) + ": " + reason(e));
        }
    }

    private static byte[] bytes(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            throw new IOException("it is a directory");
        }
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes((int) MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new IOException("it is larger than " + (MAX_BYTES >> 20) + " MiB");
            }
            return bytes;
        }
    }

    private static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException missing -> "there is no such file";
            case AccessDeniedException denied -> "permission denied";
            default -> String.valueOf(e.getMessage());
        };
    }

    /** Relative patterns start at the folder of the file that includes them. */
    @Override
    public List<Included> resolve(String fromFile, String pattern) throws IOException {
        Path base;
        Path wanted;
        try {
            base = Path.of(fromFile).toAbsolutePath().getParent();
            wanted = base == null ? Path.of(pattern) : base.resolve(pattern);
        } catch (InvalidPathException e) {
            throw new IOException("it is no file name", e);
        }
        List<Path> found = new ArrayList<>();
        if (isGlob(pattern)) {
            Path folder = wanted.getParent();
            Path last = wanted.getFileName();
            if (folder == null || last == null || isGlob(folder.toString())) {
                throw new IOException("only the last part of the path may hold * ? or [");
            }
            if (Files.isDirectory(folder)) {
                PathMatcher matcher = folder.getFileSystem().getPathMatcher("glob:" + last);
                try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
                    for (Path entry : entries) {
                        Path name = entry.getFileName();
                        if (name != null
                                && matcher.matches(name)
                                && !name.toString().startsWith(".")
                                && !Files.isDirectory(entry)) {
                            found.add(entry);
                        }
                    }
                }
                found.sort(null);
            }
        } else {
            found.add(wanted);
        }
        List<Included> out = new ArrayList<>();
        for (Path path : found) {
            try {
                out.add(new Included(path.normalize().toString(), bytes(path)));
            } catch (IOException e) {
                throw new IOException(path.normalize() + ": " + reason(e), e);
            }
        }
        return out;
    }

    private static boolean isGlob(String text) {
        return text.indexOf('*') >= 0 || text.indexOf('?') >= 0 || text.indexOf('[') >= 0;
    }
}
