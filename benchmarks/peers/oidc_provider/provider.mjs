// oidc-provider as "Configuration options" in its docs/README.md wants it in production: adapter,
// keys and cookie keys are ours, static clients, no development interactions.
import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Provider } from "oidc-provider";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, KEYS, RESOURCE, ACCESS_TOKENS } = process.env;
const HOUR = 60 * 60;
const DAY = 24 * HOUR;
const FIND_ACCOUNT = { name: "account", text: "SELECT id, email FROM account WHERE id = $1" };

export function makeProvider(adapter, database) {
  return new Provider(ISSUER, {
    adapter,
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        grant_types: ["authorization_code", "refresh_token", "client_credentials"],
        redirect_uris: ["https://app.bench.example/callback"],
      },
    ],
    jwks: readKeys(),
    cookies: { keys: ["a key that signs cookies, of which none is sent here"] },
    claims: { openid: ["sub"], email: ["email"] },
    scopes: ["openid", "offline_access"],
    findAccount: (_ctx, id) => findAccount(database, id),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => client.clientId === token.clientId,
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => (oneOf ? oneOf[0] : undefined),
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "read",
          audience: RESOURCE,
          accessTokenTTL: HOUR,
          accessTokenFormat: ACCESS_TOKENS,
          ...(ACCESS_TOKENS === "jwt" && { jwt: { sign: { alg: "RS256" } } }),
        }),
      },
    },
    rotateRefreshToken: true,
    ttl: {
      AccessToken: HOUR,
      ClientCredentials: HOUR,
      Grant: 14 * DAY,
      IdToken: HOUR,
      Interaction: HOUR,
      RefreshToken: 14 * DAY,
      Session: 14 * DAY,
    },
  });
}

async function findAccount(database, id) {
  const account = await database.first(FIND_ACCOUNT, id);
  if (!account) return undefined;
  return { accountId: id, claims: async () => ({ sub: id, email: account.email }) };
}

// "Generating keys" in docs/README.md: RSA with 2,048 bits for RS256. Made once, by the seed.
function readKeys() {
  if (!existsSync(KEYS)) {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = { ...privateKey.export({ format: "jwk" }), kid: "bench", alg: "RS256", use: "sig" };
    writeFileSync(KEYS, JSON.stringify({ keys: [key] }));
  }
  return JSON.parse(readFileSync(KEYS, "utf8"));
}
