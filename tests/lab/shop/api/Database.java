import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Properties;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/** The local database through a small pool. A connection that failed is closed and the next user opens a new one. */
final class Database {
    private interface Work<T> {
        T with(Connection connection) throws SQLException;
    }

    /** A place in the pool: holds a connection or is empty after a failure. */
    private static final class Slot {
        Connection connection;
    }

    private final BlockingQueue<Slot> slots;
    private final String url;
    private final Properties login = new Properties();
    private final String node;

    Database(String url, String user, String password, int size, String node) {
        this.url = url;
        this.node = node;
        login.setProperty("user", user);
        login.setProperty("password", password);
        login.setProperty("connectTimeout", "3");
        login.setProperty("socketTimeout", "8");
        login.setProperty("ApplicationName", "shop");
        slots = new ArrayBlockingQueue<>(size);
        for (int i = 0; i < size; i++) {
            slots.add(new Slot());
        }
    }

    /** Returns only when the row is committed: anything else is an exception. */
    void insert(String id, String item, int price) throws SQLException {
        // no retry here: a commit whose answer was lost may have happened
        use(connection -> {
            String sql = "insert into orders (id, item, price, node) values (?, ?, ?, ?)";
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                statement.setString(1, id);
                statement.setString(2, item);
                statement.setInt(3, price);
                statement.setString(4, node);
                return statement.executeUpdate();
            }
        });
    }

    long count() throws SQLException {
        return read("select count(*) from orders", result -> result.getLong(1));
    }

    boolean primary() throws SQLException {
        return !read("select pg_is_in_recovery()", result -> result.getBoolean(1));
    }

    private interface Row<T> {
        T from(ResultSet result) throws SQLException;
    }

    /** A read may be repeated: the connections of a restarted database are replaced one by one. */
    private <T> T read(String sql, Row<T> row) throws SQLException {
        Work<T> work = connection -> {
            try (PreparedStatement statement = connection.prepareStatement(sql);
                    ResultSet result = statement.executeQuery()) {
                result.next();
                return row.from(result);
            }
        };
        try {
            return use(work);
        } catch (SQLException stale) {
            return use(work);
        }
    }

    private <T> T use(Work<T> work) throws SQLException {
        Slot slot = take();
        try {
            if (slot.connection == null) {
                slot.connection = DriverManager.getConnection(url, login);
            } else if (!slot.connection.isValid(2)) {
                // a dead connection is noticed before anything is sent on it, so the request need not fail
                discard(slot);
                slot.connection = DriverManager.getConnection(url, login);
            }
            return work.with(slot.connection);
        } catch (SQLException failure) {
            discard(slot);
            throw failure;
        } finally {
            slots.add(slot);
        }
    }

    private Slot take() throws SQLException {
        try {
            Slot slot = slots.poll(8, TimeUnit.SECONDS);
            if (slot == null) {
                throw new SQLException("no free database connection within 8 s");
            }
            return slot;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new SQLException("interrupted", interrupted);
        }
    }

    private static void discard(Slot slot) {
        Connection old = slot.connection;
        slot.connection = null;
        if (old != null) {
            try {
                old.close();
            } catch (SQLException alreadyGone) {
                // nothing is left to close
            }
        }
    }
}
