// Accounts, and for each session a grant with an access token and a refresh token. The provider's
// models make the first of each kind; the others are copies with an id of their own.
import { randomBytes } from "node:crypto";

import { INDEXES, TABLES, toRow } from "./adapter.mjs";
import { openDatabase } from "./database.mjs";
import { Issuance } from "./tokens.mjs";

const USERS = Number(process.env.USERS);
const SESSIONS = Number(process.env.SESSIONS);

const newId = () => randomBytes(32).toString("base64url"); // 43 characters, like the provider's own

function* accounts() {
  for (let number = 0; number < USERS; number++) {
    yield { id: `user${number}`, email: `user${number}@bench.example` };
  }
}

async function takeSamples() {
  const samples = {};
  class Collector {
    constructor(model) {
      this.model = model;
    }

    async upsert(_id, payload, expiresIn) {
      samples[this.model] = { payload, expiresIn };
    }
  }
  const issuance = new Issuance(Collector);
  await issuance.accessToken("user0");
  await issuance.refreshToken("user0");
  return samples;
}

function* sessions(samples) {
  const copy = (model, jti, changes) => {
    const { payload, expiresIn } = samples[model];
    return toRow(model, jti, { ...payload, jti, ...changes }, expiresIn);
  };
  for (let number = 0; number < SESSIONS; number++) {
    const accountId = `user${number % USERS}`;
    const grantId = newId();
    yield copy("Grant", grantId, { accountId });
    yield copy("AccessToken", newId(), { accountId, grantId });
    yield copy("RefreshToken", newId(), { accountId, grantId });
  }
}

const database = openDatabase(process.env.DATABASE_URL);
await database.execute(TABLES);
await database.insert("account", accounts());
await database.insert("artifact", sessions(await takeSamples()));
await database.execute(INDEXES);
await database.close();
