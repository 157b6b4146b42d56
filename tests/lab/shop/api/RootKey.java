import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;

/** The root key: 32 random bytes in a file. A new version makes a new one at its first start, as real services do. */
final class RootKey {
    private static final int LENGTH = 32;

    private RootKey() {}

    /** The bytes in use from now on. */
    static byte[] load(Path key, Path marker) throws IOException {
        String last = Files.exists(marker) ? Files.readString(marker).trim() : "";
        if (!last.equals(Build.VERSION)) {
            byte[] fresh = new byte[LENGTH];
            new SecureRandom().nextBytes(fresh);
            replace(key, fresh, "rw-r-----");
            replace(marker, (Build.VERSION + "\n").getBytes(), "rw-r--r--");
            System.out.println("first start of " + Build.VERSION + ": made a new root key");
        }
        return Files.readAllBytes(key);
    }

    /** First 16 hexadecimal digits of the key's SHA-256: says which key it is without saying the key. */
    static String name(byte[] key) throws NoSuchAlgorithmException {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(key);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            text.append(String.format("%02x", digest[i]));
        }
        return text.toString();
    }

    private static void replace(Path file, byte[] content, String mode) throws IOException {
        var attribute = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(mode));
        Path fresh = Files.createTempFile(file.getParent(), ".new", "", attribute);
        Files.write(fresh, content);
        Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString(mode));
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
