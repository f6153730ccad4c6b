// An OpenID provider on loopback. Arguments: its certificate and its key, files in PEM.
//
// It says its issuer in a line of JSON. "rotate" in a line on standard input gives it new keys,
// which it says with another line. It ends with its standard input.
//
// Jobs get their ID token by CIBA (OpenID Connect Client-Initiated Backchannel Authentication):
// the flow without a browser. The login hint becomes the subject, the client id the audience; the
// client says the algorithm.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const ALGORITHMS = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
];
const KEYS = [
  ['rsa', { modulusLength: 2048 }],
  ['ec', { namedCurve: 'P-256' }],
  ['ec', { namedCurve: 'P-384' }],
  ['ec', { namedCurve: 'P-521' }],
  ['ed25519', {}],
];

const [certificate, key] = process.argv.slice(1).map((file) => readFileSync(file));
const server = createServer({ cert: certificate, key });
let answer;
server.on('request', (request, response) => answer(request, response));
server.listen(0, '127.0.0.1', begin);

function begin() {
  const issuer = `https://127.0.0.1:${server.address().port}`;
  answer = provider(issuer);
  say({ issuer });
  createInterface({ input: process.stdin })
    .on('line', () => {
      answer = provider(issuer);
      say({ rotated: true });
    })
    .on('close', () => process.exit());
}

function say(something) {
  console.log(JSON.stringify(something));
}

function provider(issuer) {
  return new Provider(issuer, {
    jwks: { keys: KEYS.map(signingKey) },
    clients: ALGORITHMS.map(client),
    clientDefaults: { grant_types: [], redirect_uris: [], response_types: [] },
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    claims: { openid: ['sub', 'repository'] },
    conformIdTokenClaims: false,
    scopes: ['openid', 'login'],
    ttl: { AccessToken: 3600, BackchannelAuthenticationRequest: 60, ClientCredentials: 3600, Grant: 60, IdToken: 3600 },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, repository: 'acme/web' }),
    }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          accessTokenFormat: 'jwt',
          audience: resource,
          jwt: { sign: { alg: 'RS256' } },
          scope: 'login',
        }),
      },
      ciba: {
        enabled: true,
        deliveryModes: ['poll'],
        processLoginHint: (_, hint) => hint,
        validateBindingMessage: () => {},
        validateRequestContext: () => {},
        verifyUserCode: () => {},
        triggerAuthenticationDevice: grant,
      },
    },
  }).callback();
}

// Nobody has to say yes.
async function grant(context, request, account, client) {
  const { provider } = context.oidc;
  const given = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  given.addOIDCScope('openid');
  await given.save();
  await provider.backchannelResult(request, given);
}

function client(algorithm) {
  return {
    client_id: `ci-${algorithm}`,
    client_secret: 'known to everybody',
    backchannel_token_delivery_mode: 'poll',
    grant_types: ['urn:openid:params:grant-type:ciba', 'client_credentials'],
    id_token_signed_response_alg: algorithm,
    token_endpoint_auth_method: 'client_secret_post',
  };
}

// Read again before it is exported as a JWK: Node.js 20 can stop for good in `export` of a key object
// that `generateKeyPairSync` made, once in some thousand keys.
function signingKey([type, options]) {
  const { privateKey } = generateKeyPairSync(type, {
    ...options,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { ...createPrivateKey(privateKey).export({ format: 'jwk' }), use: 'sig' };
}
