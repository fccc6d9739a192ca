// Schema by better-auth's own migrations, then accounts and sessions, all with one password hash.
import { randomUUID } from "node:crypto";
import { getMigrations } from "better-auth/db/migration";

import { auth, database, hashPassword } from "./auth.mjs";

const USERS = Number(process.env.USERS);
const SESSIONS = Number(process.env.SESSIONS);
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

const newId = () => randomUUID().replaceAll("-", ""); // 32 characters, like better-auth's own
const now = new Date();
const made = { createdAt: now.toISOString(), updatedAt: now.toISOString() };
const ids = Array.from({ length: USERS }, newId);

function* users() {
  for (const [number, id] of ids.entries()) {
    const email = `user${number}@bench.example`;
    yield { id, name: `User ${number}`, email, emailVerified: database.yes, ...made };
  }
}

function* accounts(password) {
  for (const id of ids) {
    yield { id: newId(), accountId: id, providerId: "credential", userId: id, password, ...made };
  }
}

function* sessions() {
  const expiresAt = new Date(now.getTime() + WEEK_MS).toISOString();
  for (let number = 0; number < SESSIONS; number++) {
    const userId = ids[number % USERS];
    yield { id: newId(), token: newId(), userId, expiresAt, ipAddress: "", userAgent: "", ...made };
  }
}

const { runMigrations } = await getMigrations(auth.options);
await runMigrations();
await database.insert("user", users());
await database.insert("account", accounts(await hashPassword(process.env.PASSWORD)));
await database.insert("session", sessions());
await database.close();
