// A certified OpenID provider that logs in whomever the test names. Usage: node provider.mjs MODULES CONFIG(JSON)
// POST /test with {"person": {...}, "rotate": true, "end": "sub"} says who comes next, changes the keys, ends a session.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { generateKeyPairSync } from "node:crypto";

const [modules, config] = [process.argv[2], JSON.parse(process.argv[3])];
const found = createRequire(`${modules}/`).resolve("oidc-provider");
const { Provider, default: Default } = await import(pathToFileURL(found));
const issuer = `http://127.0.0.1:${config.port}`;

let number = 0;
const newKey = () => ({
  ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }),
  kid: `key-${++number}`, use: "sig", alg: "RS256",
});
let keys = [newKey()];
let person = { sub: "1" };
let provider, handle;

function make() {
  provider = new (Provider ?? Default)(issuer, {
    clients: config.clients,
    jwks: { keys },
    cookies: { keys: ["a key of the tests"] },
    claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups", "department"], email: ["email", "email_verified"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    // It keeps itself from calling this computer, where the node of the tests is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ ...person, sub }) }),
  });
  handle = provider.callback();
}
make();

async function interact(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (person.refuses) {
    return provider.interactionFinished(request, response, { error: "access_denied" }, { mergeWithLastSubmission: false });
  }
  if (prompt.name === "login") {
    return provider.interactionFinished(request, response, { login: { accountId: person.sub } });
  }
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope("openid profile email");
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function control(request, response) {
  let text = "";
  for await (const part of request) text += part;
  const said = JSON.parse(text);
  if (said.person) person = said.person;
  if (said.rotate) {
    keys = [newKey()];
    make();
  }
  if (said.end) {
    const client = await provider.Client.find(config.clients[0].client_id);
    await client.backchannelLogout(said.end, "the session");
  }
  response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: keys.map((key) => key.kid) }));
}

createServer((request, response) => {
  const wrong = (error) => { console.error(error); response.statusCode = 500; response.end(String(error)); };
  if (request.url === "/test") control(request, response).catch(wrong);
  else if (request.url.startsWith("/interaction/")) interact(request, response).catch(wrong);
  else handle(request, response);
}).listen(config.port, "127.0.0.1", () => console.log("listening"));
