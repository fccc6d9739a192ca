// Tokens by the provider's own models: what an end of the authorization code flow would save.
import { makeProvider } from "./provider.mjs";

const { CLIENT_ID, RESOURCE } = process.env;
const OPENID = "openid email";
const API = "read offline_access";

export class Issuance {
  constructor(adapter, database) {
    this.provider = makeProvider(adapter, database);
  }

  async grant(accountId) {
    const grant = new this.provider.Grant({ accountId, clientId: CLIENT_ID });
    grant.addOIDCScope(`${OPENID} offline_access`);
    grant.addResourceScope(RESOURCE, "read");
    return grant.save();
  }

  // For the provider's own endpoints: introspection and userinfo.
  async accessToken(accountId) {
    const token = new this.provider.AccessToken(await this.common(accountId));
    token.scope = OPENID;
    return token.save();
  }

  // For an API of its own. Without `openid` a refresh signs no ID token beside the access token.
  async refreshToken(accountId) {
    const token = new this.provider.RefreshToken(await this.common(accountId));
    token.scope = API;
    token.resource = RESOURCE;
    return token.save();
  }

  async common(accountId) {
    return {
      accountId,
      client: await this.provider.Client.find(CLIENT_ID),
      expiresWithSession: false,
      grantId: await this.grant(accountId),
      gty: "authorization_code",
    };
  }
}
