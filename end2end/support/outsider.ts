// Programs that are not Baton and write to its database with plain SQL, as any producer does: Python with its sqlite3
// module, and psql. They are separate processes, so that the relay has to notice a foreign commit.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";

export interface OutboxRow {
  type: string;
  aggregateType: string;
  aggregateId: string;
  payload: unknown;
}

/** Inserts rows in one transaction, with only the columns that the contract requires. */
export function insertFromOutside(databaseUrl: string, rows: OutboxRow[]): void {
  if (databaseUrl.startsWith("sqlite:")) insertWithPython(databaseUrl, rows);
  else insertWithPsql(databaseUrl, rows);
}

const PYTHON = `
import json, sqlite3, sys
path, rows = sys.argv[1], json.loads(sys.argv[2])
with sqlite3.connect(path, timeout=10) as connection:
    connection.executemany(
        "INSERT INTO outbox (type, aggregate_type, aggregate_id, payload) VALUES (?, ?, ?, ?)",
        [(row["type"], row["aggregateType"], row["aggregateId"], json.dumps(row["payload"])) for row in rows])
`;

function insertWithPython(databaseUrl: string, rows: OutboxRow[]): void {
  execFileSync("python3", ["-c", PYTHON, databaseUrl.replace("sqlite://", ""), JSON.stringify(rows)]);
}

function insertWithPsql(databaseUrl: string, rows: OutboxRow[]): void {
  const values = rows.map((row) =>
    [row.type, row.aggregateType, row.aggregateId, JSON.stringify(row.payload)].map(quoted).join(", "),
  );
  const sql = `INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload) VALUES (${values.join("), (")})`;
  psql(databaseUrl, sql);
}

/** A new, empty database in the cluster of this test run. */
export function freshPostgres(): string {
  const admin = process.env.BATON_TEST_DATABASE_URL;
  if (!admin) throw new Error("BATON_TEST_DATABASE_URL is not set; run the tests with `cargo xtask test --only e2e`");
  // The name says who made it, as those of the other tests do.
  const name = `baton_${process.pid.toString(16)}_${randomBytes(8).toString("hex")}`;
  psql(admin, `CREATE DATABASE ${name}`);
  return admin.slice(0, admin.lastIndexOf("/") + 1) + name;
}

/** Drops a database that `freshPostgres` made. */
export function dropPostgres(databaseUrl: string): void {
  const admin = process.env.BATON_TEST_DATABASE_URL!;
  psql(admin, `DROP DATABASE ${databaseUrl.slice(databaseUrl.lastIndexOf("/") + 1)} WITH (FORCE)`);
}

/** Runs SQL with the program psql and returns what it printed. */
export function psql(databaseUrl: string, sql: string): string {
  const program = process.env.BATON_PSQL ?? "psql";
  const options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", databaseUrl, "-c", sql];
  return execFileSync(program, options, { encoding: "utf8" }).trimEnd();
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
