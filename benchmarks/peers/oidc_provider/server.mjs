import { makeAdapter } from "./adapter.mjs";
import { openDatabase } from "./database.mjs";
import { makeProvider } from "./provider.mjs";

const database = openDatabase(process.env.DATABASE_URL);
makeProvider(makeAdapter(database), database).listen(Number(process.env.PORT), "127.0.0.1");
