// What scripts/release learns from beside the embedded server: TLS and HTTP/2, and many events in one write.
// node release-server.js KEY CERTIFICATE prints its address, and ends with its standard input.
'use strict';

const fs = require('node:fs');
const http2 = require('node:http2');

const EVENTS = 64;
const event = (text) => `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`;
const end = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":64}}\n\ndata: [DONE]\n\n';

function stream(response, together) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (together) {
    response.end(event('word ').repeat(EVENTS) + end);
    return;
  }
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    if (sent <= EVENTS) {
      response.write(event(`word ${sent} `));
    } else {
      clearInterval(timer);
      response.end(end);
    }
  }, 2);
  response.on('close', () => clearInterval(timer));
}

const [key, cert] = process.argv.slice(2).map((path) => fs.readFileSync(path));
const server = http2.createSecureServer({ key, cert, allowHTTP1: true }, (request, response) => {
  request.resume();
  if (request.url === '/plain') {
    response.setHeader('content-type', 'application/json');
    response.end('{"ok":true}');
  } else {
    stream(response, request.url === '/together');
  }
});
server.listen(0, '127.0.0.1', () => console.log(`listening on https://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit()).resume();
