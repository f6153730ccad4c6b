// An issuer's host that ends the handshake with who shows no certificate. Arguments: its
// certificate and its key, files in PEM. It says its URL and ends with its standard input.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [cert, key] = process.argv.slice(1).map((file) => readFileSync(file));
const server = createServer({ cert, key, requestCert: true, rejectUnauthorized: true });
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ issuer: `https://127.0.0.1:${server.address().port}` }));
});
process.stdin.on('end', () => process.exit()).resume();
