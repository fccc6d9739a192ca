// better-auth as its documentation configures it for production.
import { hash, verify } from "@node-rs/argon2";
import { betterAuth } from "better-auth";

import { openDatabase } from "./database.mjs";

const { ARGON2_MEMORY_KIB, ARGON2_ITERATIONS, ARGON2_LANES } = process.env;
const ARGON2ID = {
  memoryCost: Number(ARGON2_MEMORY_KIB),
  timeCost: Number(ARGON2_ITERATIONS),
  parallelism: Number(ARGON2_LANES),
};
const HOUR = 60 * 60;

export const database = openDatabase(process.env.DATABASE_URL);

export const hashPassword = (password) => hash(password, ARGON2ID);

// BETTER_AUTH_SECRET and BETTER_AUTH_URL are read from the environment (docs/installation).
export const auth = betterAuth({
  database: database.option,
  emailAndPassword: {
    enabled: true,
    // docs/authentication/email-password, "Password Hashing": functions of one's own.
    password: {
      hash: hashPassword,
      verify: ({ hash: known, password }) => verify(known, password),
    },
  },
  session: {
    // docs/guides/optimizing-for-performance, "Cookie Cache"; it lasts longer than a run.
    cookieCache: { enabled: process.env.COOKIE_CACHE === "on", maxAge: HOUR },
  },
  // docs/adapters/sqlite and postgresql, "Joins": one query for a session and its user.
  advanced: { database: { joins: true } },
  // docs/concepts/rate-limit: on in production, and all the requests come from one address.
  rateLimit: { enabled: false },
});
