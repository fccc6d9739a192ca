// Verifies one password for a while: node bare_argon2.mjs FOLDER_OF_PACKAGES PASSWORD MEMORY_KIB
// ITERATIONS LANES AT_ONCE SECONDS. Prints what `bare.Hashing` holds.
import { createRequire } from "node:module";

const [folder, password, ...numbers] = process.argv.slice(2);
const [memoryCost, timeCost, parallelism, atOnce, seconds] = numbers.map(Number);
const { hash, verify } = createRequire(`${folder}/`)("@node-rs/argon2");

const stored = await hash(password, { memoryCost, timeCost, parallelism });
const before = process.cpuUsage();
const began = performance.now();
let count = 0;

async function work() {
  while (performance.now() - began < seconds * 1000) {
    if (!(await verify(stored, password))) throw new Error("a right password was refused");
    count += 1;
  }
}

await Promise.all(Array.from({ length: atOnce }, work));
const elapsed = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
process.stdout.write(JSON.stringify({ per_second: count / elapsed, cpu_ms: (user + system) / 1000 / count }));
