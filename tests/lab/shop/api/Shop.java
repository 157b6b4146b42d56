import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** shop's API: takes an order, has it priced by the worker beside it, commits it to the database beside it. */
public final class Shop {
    private static final Pattern ID = Pattern.compile("\"id\"\\s*:\\s*\"([A-Za-z0-9._-]{1,80})\"");
    private static final Pattern ITEM = Pattern.compile("\"item\"\\s*:\\s*\"([A-Za-z0-9 ._-]{1,80})\"");
    private static final Pattern PRICE = Pattern.compile("\"price\"\\s*:\\s*(\\d{1,9})");
    private static final int DRAIN_SECONDS = 18;

    private final Properties config;
    private final String node;
    private final String key;
    private final Database database;

    private Shop(Properties config) throws Exception {
        this.config = config;
        node = Files.readString(Path.of("/etc/hostname")).trim();
        key = RootKey.name(RootKey.load(Path.of(config.getProperty("root_key")), Path.of(config.getProperty("marker"))));
        String password = Files.readString(Path.of(config.getProperty("database_password_file"))).trim();
        int connections = Integer.parseInt(config.getProperty("connections"));
        database = new Database(config.getProperty("database"), config.getProperty("database_user"), password, connections, node);
    }

    public static void main(String[] args) throws Exception {
        System.out.println("shop " + Build.VERSION + " starts");
        if (Build.VARIANT.equals("exits")) {
            System.err.println("shop " + Build.VERSION + " cannot start");
            System.exit(1);
        }
        if (Build.VARIANT.equals("slow")) {
            Thread.sleep(40_000);
        }
        Properties config = new Properties();
        try (InputStream file = new FileInputStream(System.getenv("SHOP_CONFIG"))) {
            config.load(file);
        }
        Shop shop = new Shop(config);
        int port = Integer.parseInt(config.getProperty("listen"));
        Http http = new Http(port, Integer.parseInt(config.getProperty("threads")), shop::answer);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(http)));
        if (Build.VARIANT.equals("dies")) {
            dieLater();
        }
        System.out.println("shop " + Build.VERSION + " listens on " + port + ", root key " + shop.key);
        http.serve();
        // draining: the hook above ends the process
        Thread.currentThread().join();
    }

    private static void stop(Http http) {
        boolean clean = false;
        try {
            clean = http.drain(DRAIN_SECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        System.out.println(clean ? "all requests were finished" : "requests were cut off after " + DRAIN_SECONDS + " s");
        // after SIGTERM the JVM would exit with 143
        Runtime.getRuntime().halt(clean ? 0 : 1);
    }

    private static void dieLater() {
        Thread death = new Thread(() -> {
            try {
                Thread.sleep(20_000);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            System.err.println("shop " + Build.VERSION + " dies");
            Runtime.getRuntime().halt(1);
        });
        death.setDaemon(true);
        death.start();
    }

    private Http.Answer answer(Http.Request request) {
        try {
            return switch (request.method() + " " + request.path()) {
                case "POST /orders" -> order(request.body());
                case "GET /orders/ping" -> Http.Answer.text(200, "ok");
                case "GET /orders/count" -> Http.Answer.json(200, "{\"count\": " + database.count() + "}");
                case "GET /healthz" -> healthz();
                case "GET /version" -> Http.Answer.json(200, version());
                default -> Http.Answer.text(404, "no such page");
            };
        } catch (IOException | SQLException | RuntimeException failure) {
            System.err.println(request.method() + " " + request.path() + ": " + failure.getMessage());
            return Http.Answer.text(503, "not now");
        }
    }

    private Http.Answer order(String body) throws IOException, SQLException {
        Matcher id = ID.matcher(body);
        Matcher item = ITEM.matcher(body);
        if (!id.find() || !item.find()) {
            return Http.Answer.text(400, "wanted {\"id\": …, \"item\": …}");
        }
        int price = price(item.group(1));
        database.insert(id.group(1), item.group(1), price);
        return Http.Answer.json(201, "{\"id\": \"" + id.group(1) + "\", \"price\": " + price + "}");
    }

    private int price(String item) throws IOException {
        String answer = worker("POST", config.getProperty("worker"), "{\"item\": \"" + item + "\"}");
        Matcher price = PRICE.matcher(answer);
        if (!price.find()) {
            throw new IOException("the worker named no price");
        }
        return Integer.parseInt(price.group(1));
    }

    private Http.Answer healthz() throws IOException, SQLException {
        if (Build.VARIANT.equals("sick")) {
            return Http.Answer.text(500, "sick");
        }
        worker("GET", URI.create(config.getProperty("worker")).resolve("/healthz").toString(), null);
        database.count();
        return Http.Answer.text(200, "healthy");
    }

    private String version() {
        boolean primary;
        try {
            primary = database.primary();
        } catch (SQLException unreachable) {
            primary = false;
        }
        return "{\"version\": \"" + Build.VERSION + "\", \"node\": \"" + node + "\", \"key\": \"" + key + "\", \"primary\": "
                + primary + "}";
    }

    private static String worker(String method, String url, String body) throws IOException {
        HttpURLConnection call = (HttpURLConnection) URI.create(url).toURL().openConnection();
        call.setRequestMethod(method);
        call.setConnectTimeout(2_000);
        call.setReadTimeout(5_000);
        if (body != null) {
            call.setDoOutput(true);
            try (OutputStream out = call.getOutputStream()) {
                out.write(body.getBytes(StandardCharsets.UTF_8));
            }
        }
        if (call.getResponseCode() != 200) {
            throw new IOException("the worker answered " + call.getResponseCode());
        }
        try (InputStream in = call.getInputStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
