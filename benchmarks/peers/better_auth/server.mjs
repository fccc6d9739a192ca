// docs/installation, "Mount Handler": `toNodeHandler`, here on plain `node:http`.
import { createServer } from "node:http";
import { toNodeHandler } from "better-auth/node";

import { auth } from "./auth.mjs";

const OPEN = JSON.stringify({ email: "user0@bench.example" });
const answerAuth = toNodeHandler(auth);

createServer((request, response) => {
  if (request.url === "/open") {
    response.setHeader("content-type", "application/json");
    response.end(OPEN);
  } else {
    answerAuth(request, response);
  }
}).listen(Number(process.env.PORT), "127.0.0.1");
