// What oidc-provider asks of an adapter (example/my_adapter.js), on one table for all its models,
// as in its contributed one for SQL (example/adapters/contributed/knex.js).

export const TABLES = `
  CREATE TABLE artifact (
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL,
    grant_id TEXT,
    user_code TEXT,
    uid TEXT,
    expires_at BIGINT,
    consumed_at BIGINT,
    PRIMARY KEY (id, model)
  );
  CREATE TABLE account (id TEXT NOT NULL PRIMARY KEY, email TEXT NOT NULL UNIQUE);
`;

// For after the seed: indexes are quicker made than kept.
export const INDEXES = `
  CREATE INDEX artifact_grant_id ON artifact (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX artifact_user_code ON artifact (user_code) WHERE user_code IS NOT NULL;
  CREATE INDEX artifact_uid ON artifact (uid) WHERE uid IS NOT NULL;
  ANALYZE;
`;

const UPSERT = {
  name: "upsert",
  text: `INSERT INTO artifact (model, id, payload, grant_id, user_code, uid, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id, model) DO UPDATE SET
           payload = excluded.payload, grant_id = excluded.grant_id,
           user_code = excluded.user_code, uid = excluded.uid, expires_at = excluded.expires_at`,
};
const CONSUME = {
  name: "consume",
  text: "UPDATE artifact SET consumed_at = $3 WHERE id = $1 AND model = $2",
};
const DESTROY = { name: "destroy", text: "DELETE FROM artifact WHERE id = $1 AND model = $2" };
const REVOKE = { name: "revoke", text: "DELETE FROM artifact WHERE grant_id = $1 AND model = $2" };

const findBy = (column) => ({
  name: `find by ${column}`,
  text: `SELECT payload, consumed_at FROM artifact WHERE ${column} = $1 AND model = $2`,
});
const FIND = findBy("id");
const FIND_BY_UID = findBy("uid");
const FIND_BY_USER_CODE = findBy("user_code");

export function makeAdapter(database) {
  return class Adapter {
    constructor(model) {
      this.model = model;
    }

    async upsert(id, payload, expiresIn) {
      await database.change(UPSERT, ...Object.values(toRow(this.model, id, payload, expiresIn)));
    }

    async consume(id) {
      await database.change(CONSUME, id, this.model, epochTime());
    }

    async destroy(id) {
      await database.change(DESTROY, id, this.model);
    }

    async revokeByGrantId(grantId) {
      await database.change(REVOKE, grantId, this.model);
    }

    async find(id) {
      return fromRow(await database.first(FIND, id, this.model));
    }

    async findByUid(uid) {
      return fromRow(await database.first(FIND_BY_UID, uid, this.model));
    }

    async findByUserCode(userCode) {
      return fromRow(await database.first(FIND_BY_USER_CODE, userCode, this.model));
    }
  };
}

// `expiresIn` is in seconds; the provider itself checks `exp` in what it finds.
export function toRow(model, id, payload, expiresIn) {
  return {
    model,
    id,
    payload: JSON.stringify(payload),
    grant_id: payload.grantId ?? null,
    user_code: payload.userCode ?? null,
    uid: payload.uid ?? null,
    expires_at: expiresIn ? epochTime() + expiresIn : null,
  };
}

function fromRow(row) {
  if (!row) return undefined;
  const payload = JSON.parse(row.payload);
  return row.consumed_at ? { ...payload, consumed: true } : payload;
}

const epochTime = () => Math.floor(Date.now() / 1000);
