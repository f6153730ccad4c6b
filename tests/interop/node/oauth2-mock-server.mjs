// An issuer on loopback. Arguments: its certificate and its key, files in PEM, and the algorithm.
//
// It says its URL in a line of JSON, and ends with its standard input. A request for a token may
// ask for header fields and claims: a form field "asked" with {"header": {...}, "claims": {...}},
// where null takes something out.
import { OAuth2Server } from 'oauth2-mock-server';

const [certificate, key, algorithm] = process.argv.slice(1);
const server = new OAuth2Server(key, certificate);
await server.issuer.keys.generate(algorithm);
server.service.on('beforeTokenSigning', (token, request) => {
  const { header, claims } = JSON.parse(request.body.asked ?? '{}');
  change(token.header, header);
  change(token.payload, claims);
});
await server.start(0, 'localhost');
console.log(JSON.stringify({ issuer: server.issuer.url }));
process.stdin.on('end', () => process.exit()).resume();

function change(object, asked = {}) {
  for (const [name, value] of Object.entries(asked)) {
    if (value === null) delete object[name];
    else object[name] = value;
  }
}
