// The two databases behind one set of verbs. A statement is `{ name, text }` with `$1`, `$2` …
import { DatabaseSync } from "node:sqlite";
import pg from "pg";

const ROWS_AT_ONCE = 10_000;
const SQLITE = "sqlite:///";

export function openDatabase(url) {
  return url.startsWith(SQLITE) ? openSqlite(url.slice(SQLITE.length)) : openPostgres(url);
}

function openSqlite(path) {
  const database = new DatabaseSync(path, { timeout: 10_000 });
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  const known = new Map();

  function prepared({ name, text }) {
    if (!known.has(name)) known.set(name, database.prepare(text.replaceAll("$", "?")));
    return known.get(name);
  }

  return {
    execute: async (script) => database.exec(script),
    change: async (statement, ...values) => prepared(statement).run(...values),
    first: async (statement, ...values) => prepared(statement).get(...values),
    async insert(table, rows) {
      let statement;
      database.exec("PRAGMA cache_size = -1000000"); // KiB: random ids touch every page
      database.exec("BEGIN");
      for (const row of rows) {
        statement ??= database.prepare(
          `INSERT INTO ${table} (${Object.keys(row)}) VALUES (${Object.keys(row).map(() => "?")})`,
        );
        statement.run(...Object.values(row));
      }
      database.exec("COMMIT");
    },
    close: async () => database.close(),
  };
}

// node-postgres prepares a query that has a name once per connection (its features/queries page).
function openPostgres(url) {
  const pool = new pg.Pool({ connectionString: url });
  return {
    execute: (script) => pool.query(script),
    change: (statement, ...values) => pool.query({ ...statement, values }),
    first: async (statement, ...values) => (await pool.query({ ...statement, values })).rows[0],
    async insert(table, rows) {
      for (const batch of batches(rows)) {
        const columns = Object.keys(batch[0]);
        await pool.query(
          `INSERT INTO ${table} (${columns})
           SELECT ${columns} FROM json_populate_recordset(NULL::${table}, $1)`,
          [JSON.stringify(batch)],
        );
      }
    },
    close: () => pool.end(),
  };
}

function* batches(rows) {
  let batch = [];
  for (const row of rows) {
    if (batch.push(row) === ROWS_AT_ONCE) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
