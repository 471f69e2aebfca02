package io.pinhole.cli;

import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.NftReader;
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
import java.util.regex.PatternSyntaxException;

/** Brings the text of rule files: from disk, or the bundled ones from the program itself. */
final class RuleFiles implements IncludeResolver {
    /** Name of the set that is in force without {@code --rules}. */
    static final String DEFAULT = "ftp-gateway.nft";

    /** The largest rule file that is read, in bytes. */
    static final long MAX_BYTES = 256L << 20;

    private static final String RESOURCES = "/io/pinhole/rules/";

    private final List<String> searched;

    /**
     * @param searched folders in which includes are looked for, besides that of the including file
     */
    RuleFiles(List<String> searched) {
        this.searched = List.copyOf(searched);
    }

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

    /**
     * As nft: a path that starts with {@code /} is taken as it is; any other is looked for beside
     * the including file, then in the folders given with {@code -I}, and one that starts with
     * {@code ./} or {@code ../} in the working directory. The first place where something matches
     * counts. Any part of a path may hold {@code *}, {@code ?} and {@code [}; matches are read in
     * the order of their names, hidden files and folders are not matched.
     */
    @Override
    public List<Included> resolve(String fromFile, String pattern) throws IOException {
        List<Path> bases = new ArrayList<>();
        boolean glob = isGlob(pattern);
        List<Path> found = new ArrayList<>();
        Path first = null;
        try {
            bases.add(folderOf(Path.of(fromFile)));
            for (String folder : searched) {
                bases.add(Path.of(folder).toAbsolutePath());
            }
            if (pattern.startsWith("./") || pattern.startsWith("../")) {
                bases.add(Path.of("").toAbsolutePath());
            }
            for (Path base : bases) {
                Path wanted = base.resolve(pattern).normalize();
                first = first == null ? wanted : first;
                if (!found.isEmpty()) {
                    break;
                }
                if (glob) {
                    match(wanted, found);
                } else if (Files.exists(wanted)) {
                    found.add(wanted);
                }
            }
        } catch (InvalidPathException e) {
            throw new IOException("it is no file name", e);
        }
        if (found.isEmpty() && !glob && first != null) {
            throw new IOException(first + ": there is no such file");
        }
        List<Included> out = new ArrayList<>();
        for (Path path : found) {
            try {
                out.add(new Included(path.toString(), bytes(path)));
            } catch (IOException e) {
                throw new IOException(path + ": " + reason(e), e);
            }
        }
        return out;
    }

    private static Path folderOf(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        return folder == null ? file.toAbsolutePath() : folder;
    }

    /** Walks down the parts of a path, several ways where a part is a pattern. */
    private static void match(Path wanted, List<Path> found) throws IOException {
        Path root = wanted.getRoot();
        List<Path> level = List.of(root == null ? Path.of("") : root);
        int parts = wanted.getNameCount();
        for (int i = 0; i < parts; i++) {
            String part = wanted.getName(i).toString();
            boolean last = i == parts - 1;
            List<Path> next = new ArrayList<>();
            for (Path folder : level) {
                if (!isGlob(part)) {
                    next.add(folder.resolve(part));
                } else if (Files.isDirectory(folder)) {
                    children(folder, part, next);
                }
                if (next.size() > NftReader.MAX_FILES) {
                    throw new IOException("more than " + NftReader.MAX_FILES + " files match");
                }
            }
            next.removeIf(p -> last ? !Files.exists(p) || isFolder(p) : !isFolder(p));
            level = next;
        }
        found.addAll(level);
    }

    private static boolean isFolder(Path path) {
        return Files.isDirectory(path);
    }

    private static void children(Path folder, String pattern, List<Path> out) throws IOException {
        // glob(7) knows no alternatives in braces.
        String literal = pattern.replace("{", "\\{").replace("}", "\\}");
        PathMatcher matcher;
        try {
            matcher = folder.getFileSystem().getPathMatcher("glob:" + literal);
        } catch (PatternSyntaxException e) {
            throw new IOException("the pattern is not complete", e);
        }
        List<Path> here = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            for (Path entry : entries) {
                Path name = entry.getFileName();
                if (name != null
                        && matcher.matches(name)
                        && (pattern.startsWith(".") || !name.toString().startsWith("."))) {
                    here.add(entry);
                }
            }
        }
        here.sort(null);
        out.addAll(here);
    }

    private static boolean isGlob(String text) {
        return text.indexOf('*') >= 0 || text.indexOf('?') >= 0 || text.indexOf('[') >= 0;
    }
}
