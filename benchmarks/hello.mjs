// The least that node answers. Its port is the argument.
import { createServer } from "node:http";

createServer((request, response) => {
  const body = JSON.stringify({ hello: "world" });
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
}).listen(Number(process.argv[2]), "127.0.0.1");
