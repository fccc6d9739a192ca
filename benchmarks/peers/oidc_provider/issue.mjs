// node issue.mjs accessToken|refreshToken FILE USER…: one token for each, as a list in the file.
import { writeFileSync } from "node:fs";

import { makeAdapter } from "./adapter.mjs";
import { openDatabase } from "./database.mjs";
import { Issuance } from "./tokens.mjs";

const [kind, file, ...users] = process.argv.slice(2);
const database = openDatabase(process.env.DATABASE_URL);
const issuance = new Issuance(makeAdapter(database), database);
const tokens = [];
for (const user of users) tokens.push(await issuance[kind](user));
writeFileSync(file, JSON.stringify(tokens));
await database.close();
