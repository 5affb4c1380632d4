import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Adjusts the stock of one SKU, beside any number of other writers and in spite of lost connections.
 *
 * <pre>
 * java -cp postgresql.jar Adjust.java --url jdbc:postgresql://HOST/DATABASE?user=USER --sku SKU --delta N --times K
 *     [--mode optimistic|pessimistic] [--deadline-ms 5000] [--reason TEXT]
 * </pre>
 *
 * Needs Java 17 and PostgreSQL's JDBC driver. The last line of the output counts what was done:
 * {"applied":K,"retries":R}. Exit status:
 *
 * <ul>
 *   <li>0: all adjustments are applied;
 *   <li>1: one was refused, since it is against the rules or there is no such SKU; it changed nothing;
 *   <li>2: the arguments are wrong;
 *   <li>3: one failed, or its deadline passed; it changed nothing;
 *   <li>4: it is not known whether the last one was applied.
 * </ul>
 */
public final class Adjust {
    static final String READ = "SELECT on_hand, reserved, version FROM stanchion_stock.stock WHERE sku = ?";

    /** Who locks several rows adds ORDER BY sku: two writers that lock in the same order cannot deadlock. */
    static final String LOCK = READ + " FOR UPDATE";

    /** The version decides: a quantity that was changed and changed back looks like an unchanged one. */
    static final String UPDATE = """
            UPDATE stanchion_stock.stock
            SET on_hand = on_hand + ?, version = version + 1, updated_at = clock_timestamp()
            WHERE sku = ? AND version = ?""";

    /** Takes version and time from the row, which is ours since the UPDATE. */
    static final String RECORD = """
            INSERT INTO stanchion_stock.stock_movements
                (sku, version, kind, on_hand_delta, reserved_delta, reservation_id, reason, at)
            SELECT sku, version, 'adjusted', ?, 0, NULL, ?, updated_at
            FROM stanchion_stock.stock WHERE sku = ?""";

    static final String FIND = "SELECT reason FROM stanchion_stock.stock_movements WHERE sku = ? AND version = ?";

    /** Serialization failure, deadlock, lock timeout: the same transaction may succeed when it is run again. */
    static final Set<String> PASSING = Set.of("40001", "40P01", "55P03");

    static final String CHECK_VIOLATION = "23514";

    static final long FIRST_PAUSE_MS = 2;
    static final long LONGEST_PAUSE_MS = 100;
    static final long LOCK_TIMEOUT_MS = 1000;
    static final String CONNECT_TIMEOUT_S = "5";
    /** Longer than any wait for a lock: only a connection that is dead is silent for so long. */
    static final String SOCKET_TIMEOUT_S = "10";

    enum Mode { OPTIMISTIC, PESSIMISTIC }

    /** The reason is unique, so that the movement can be told from everybody else's. */
    record Adjustment(String sku, long delta, String reason) {}

    record Stock(long onHand, long reserved, long version) {}

    /** The adjustment is against the rules; it would be so again. */
    static final class Refused extends Exception {
        Refused(String message) {
            super(message);
        }
    }

    /** The row has changed since it was read. */
    static final class Conflict extends Exception {
        Conflict(long version) {
            super("version " + version + " is no longer the last one");
        }
    }

    /** The commit was sent and not answered. If it succeeded, the movement has this version. */
    static final class OutcomeUnknown extends Exception {
        final long version;

        OutcomeUnknown(long version, SQLException cause) {
            super(cause.getMessage(), cause);
            this.version = version;
        }
    }

    /** The adjustment was not applied, or it is in doubt. */
    static final class GaveUp extends Exception {
        final boolean inDoubt;

        GaveUp(Adjustment adjustment, Long doubt, String why, Exception cause) {
            super("the adjustment " + (doubt == null ? "is not applied" : "may be applied, as version " + doubt)
                    + ": " + adjustment.reason() + ": " + why + cause.getMessage(), cause);
            inDoubt = doubt != null;
        }
    }

    private final String url;
    private final Mode mode;
    private Connection connection;
    private long deadlineNanos;
    private long retries;
    /** The version that the transaction has written, once nothing but its commit is left. */
    private Long committing;

    Adjust(String url, Mode mode) throws SQLException {
        this.url = url;
        this.mode = mode;
        connect();
    }

    private void connect() throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("connectTimeout", CONNECT_TIMEOUT_S);
        properties.setProperty("socketTimeout", SOCKET_TIMEOUT_S);
        // A new connection has autocommit: a transaction is open only where the program says so.
        connection = DriverManager.getConnection(url, properties);
        // Under READ COMMITTED each statement sees what was committed before it began, also what a lock waited for.
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
    }

    /** Applies the adjustment once, however often it must try. */
    void adjust(Adjustment adjustment, long deadlineMs) throws Refused, GaveUp, InterruptedException {
        deadlineNanos = System.nanoTime() + deadlineMs * 1_000_000;
        Long doubt = null;
        for (int attempt = 0; ; attempt++) {
            Exception cause;
            try {
                if (connection.isClosed()) {
                    connect();
                }
                if (doubt != null && isRecorded(adjustment, doubt)) {
                    return;
                }
                doubt = null;
                attempt(adjustment);
                return;
            } catch (OutcomeUnknown unknown) {
                doubt = unknown.version;
                cause = unknown;
            } catch (Conflict conflict) {
                cause = conflict;
            } catch (SQLException error) {
                if (CHECK_VIOLATION.equals(error.getSQLState())) {
                    throw new Refused(error.getMessage());
                }
                if (!isPassing(error) && !isLost()) {
                    throw new GaveUp(adjustment, doubt, "", error);
                }
                cause = error;
            }
            if (leftMs() == 0) {
                throw new GaveUp(adjustment, doubt, "deadline passed after: ", cause);
            }
            retries++;
            Thread.sleep(Math.min(pauseMs(attempt), leftMs()));
        }
    }

    private void attempt(Adjustment adjustment) throws SQLException, Refused, Conflict, OutcomeUnknown {
        if (mode == Mode.OPTIMISTIC) {
            Stock row = read(READ, adjustment);
            // Here a person or a program may think for long: there is no transaction, and nobody waits.
            check(row, adjustment);
            inTransaction(() -> write(row, adjustment));
        } else {
            inTransaction(() -> {
                Stock row = read(LOCK, adjustment);
                // Everybody else waits from here to the commit: no network call, no user code.
                check(row, adjustment);
                return write(row, adjustment);
            });
        }
    }

    interface Work<T> {
        T run() throws SQLException, Refused, Conflict;
    }

    private <T> T inTransaction(Work<T> work) throws SQLException, Refused, Conflict, OutcomeUnknown {
        committing = null;
        connection.setAutoCommit(false);
        try {
            // An UPDATE waits for a row's lock as FOR UPDATE does. 0 would mean: wait for ever.
            long limitMs = Math.max(1, Math.min(LOCK_TIMEOUT_MS, leftMs()));
            try (Statement statement = connection.createStatement()) {
                statement.execute("SET LOCAL lock_timeout = " + limitMs);
            }
            T result = work.run();
            connection.commit();
            return result;
        } catch (SQLException error) {
            // Before the commit was sent, a lost connection means a rollback. After it, only the ledger knows.
            if (committing != null && !isPassing(error)) {
                throw new OutcomeUnknown(committing, error);
            }
            throw error;
        } finally {
            end();
        }
    }

    /** After a commit it rolls nothing back. It throws nothing, which would turn the success into a failure. */
    private void end() {
        try {
            connection.rollback();
            connection.setAutoCommit(true);
        } catch (SQLException lost) {
            discard();
        }
    }

    private void discard() {
        try {
            connection.close();
        } catch (SQLException alreadyGone) {
            // The driver has marked it as closed, which is all that matters here.
        }
    }

    private Stock read(String sql, Adjustment adjustment) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setString(1, adjustment.sku());
            ResultSet rows = statement.executeQuery();
            return rows.next() ? new Stock(rows.getLong(1), rows.getLong(2), rows.getLong(3)) : null;
        }
    }

    /** Changes the row and appends the movement; to be called in one transaction, as its end. */
    private Void write(Stock row, Adjustment adjustment) throws SQLException, Conflict {
        try (PreparedStatement update = connection.prepareStatement(UPDATE)) {
            update.setLong(1, adjustment.delta());
            update.setString(2, adjustment.sku());
            update.setLong(3, row.version());
            if (update.executeUpdate() == 0) {
                throw new Conflict(row.version());
            }
        }
        try (PreparedStatement insert = connection.prepareStatement(RECORD)) {
            insert.setLong(1, adjustment.delta());
            insert.setString(2, adjustment.reason());
            insert.setString(3, adjustment.sku());
            insert.executeUpdate();
        }
        // From here on only the commit can fail.
        committing = row.version() + 1;
        return null;
    }

    /**
     * Whether a commit of unknown outcome succeeded.
     *
     * <p>A SELECT alone could run before the commit does. The transaction in doubt has the row's lock until its end:
     * who gets the lock after it can trust what the next statement sees.
     */
    private boolean isRecorded(Adjustment adjustment, long version)
            throws SQLException, Refused, Conflict, OutcomeUnknown {
        return inTransaction(() -> {
            read(LOCK, adjustment);
            try (PreparedStatement statement = connection.prepareStatement(FIND)) {
                statement.setString(1, adjustment.sku());
                statement.setLong(2, version);
                ResultSet rows = statement.executeQuery();
                return rows.next() && adjustment.reason().equals(rows.getString(1));
            }
        });
    }

    private boolean isPassing(SQLException error) {
        return error.getSQLState() != null && PASSING.contains(error.getSQLState());
    }

    private boolean isLost() {
        try {
            return connection.isClosed();
        } catch (SQLException error) {
            return true;
        }
    }

    private long leftMs() {
        return Math.max(0, (deadlineNanos - System.nanoTime()) / 1_000_000);
    }

    static void check(Stock row, Adjustment adjustment) throws Refused {
        if (row == null) {
            throw new Refused("there is no SKU " + adjustment.sku());
        }
        long onHand = row.onHand() + adjustment.delta();
        if (onHand < row.reserved()) {
            throw new Refused(String.format("%+d would leave %d of %s on hand, and %d are reserved",
                    adjustment.delta(), onHand, adjustment.sku(), row.reserved()));
        }
    }

    /** Exponential backoff with full jitter: who conflicted must not come back at the same moment again. */
    static long pauseMs(int attempt) {
        long longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << Math.min(attempt, 16));
        return ThreadLocalRandom.current().nextLong(longest + 1);
    }

    record Options(String url, String sku, long delta, int times, Mode mode, long deadlineMs, String reason) {
        static final Set<String> NAMES =
                Set.of("--url", "--sku", "--delta", "--times", "--mode", "--deadline-ms", "--reason");

        static Options parse(String[] words) {
            Map<String, String> given = new HashMap<>();
            for (int i = 0; i < words.length; i += 2) {
                if (!NAMES.contains(words[i]) || i + 1 == words.length) {
                    throw new IllegalArgumentException("unknown, or without a value: " + words[i]);
                }
                given.put(words[i], words[i + 1]);
            }
            Options options = new Options(
                    required(given, "--url"),
                    required(given, "--sku"),
                    Long.parseLong(required(given, "--delta")),
                    Integer.parseInt(required(given, "--times")),
                    Mode.valueOf(given.getOrDefault("--mode", "optimistic").toUpperCase(Locale.ROOT)),
                    Long.parseLong(given.getOrDefault("--deadline-ms", "5000")),
                    given.getOrDefault("--reason", "adjusted by example"));
            options.validate();
            return options;
        }

        static String required(Map<String, String> given, String name) {
            if (!given.containsKey(name)) {
                throw new IllegalArgumentException(name + " is missing");
            }
            return given.get(name);
        }

        void validate() {
            if (delta == 0 || times < 1 || deadlineMs < 1) {
                throw new IllegalArgumentException(
                        "--delta must not be 0, --times and --deadline-ms must be positive");
            }
            // The ledger takes 200 characters, and the token needs its part.
            if (reason.length() > 150) {
                throw new IllegalArgumentException("--reason takes at most 150 characters");
            }
        }
    }

    static int run(Options options) throws InterruptedException {
        int applied = 0;
        int status = 0;
        Adjust ledger = null;
        try {
            ledger = new Adjust(options.url(), options.mode());
            for (; applied < options.times(); applied++) {
                String reason = options.reason() + " [" + UUID.randomUUID() + "]";
                ledger.adjust(new Adjustment(options.sku(), options.delta(), reason), options.deadlineMs());
            }
        } catch (Refused refused) {
            System.err.println("refused: " + refused.getMessage());
            status = 1;
        } catch (GaveUp failure) {
            System.err.println("failed: " + failure.getMessage());
            status = failure.inDoubt ? 4 : 3;
        } catch (SQLException failure) {
            System.err.println("failed: " + failure.getMessage());
            status = 3;
        }
        System.out.printf("{\"applied\":%d,\"retries\":%d}%n", applied, ledger == null ? 0 : ledger.retries);
        return status;
    }

    public static void main(String[] words) throws InterruptedException {
        Options options;
        try {
            options = Options.parse(words);
        } catch (IllegalArgumentException error) {
            System.err.println("usage: " + error.getMessage());
            System.exit(2);
            return;
        }
        System.exit(run(options));
    }
}
