// The database in the form that better-auth's `database` option takes, and bulk inserts into it.
import { DatabaseSync } from "node:sqlite";
import pg from "pg";

const ROWS_AT_ONCE = 10_000;
const SQLITE = "sqlite:///";

export function openDatabase(url) {
  return url.startsWith(SQLITE) ? openSqlite(url.slice(SQLITE.length)) : openPostgres(url);
}

// Of the two drivers that docs/adapters/sqlite names: better-auth prepares each statement anew,
// which `node:sqlite` does faster than better-sqlite3. Who-am-I was no slower with it.
function openSqlite(path) {
  const database = new DatabaseSync(path, { timeout: 10_000 });
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  return {
    option: database,
    yes: 1,
    async insert(table, rows) {
      let statement;
      database.exec("PRAGMA cache_size = -1000000"); // KiB: random ids touch every page
      database.exec("BEGIN");
      for (const row of rows) {
        statement ??= database.prepare(
          `INSERT INTO "${table}" (${names(row)}) VALUES (${Object.keys(row).map(() => "?")})`,
        );
        statement.run(...Object.values(row));
      }
      database.exec("COMMIT");
    },
    async close() {
      database.exec("ANALYZE");
      database.close();
    },
  };
}

// docs/adapters/postgresql: a `Pool` with its own defaults.
function openPostgres(url) {
  const pool = new pg.Pool({ connectionString: url });
  return {
    option: pool,
    yes: true,
    async insert(table, rows) {
      for (const batch of batches(rows)) {
        await pool.query(
          `INSERT INTO "${table}" (${names(batch[0])})
           SELECT ${names(batch[0])} FROM json_populate_recordset(NULL::"${table}", $1)`,
          [JSON.stringify(batch)],
        );
      }
    },
    async close() {
      await pool.query("ANALYZE");
      await pool.end();
    },
  };
}

function names(row) {
  return Object.keys(row).map((name) => `"${name}"`);
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
