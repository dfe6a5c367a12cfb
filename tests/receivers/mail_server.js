// A mail server for receivers_test.py: STARTTLS and a password are needed; the first recipient of each
// mail is told to come back once, nobody@ is refused. Prints its port, then each mail as a line of JSON.
const { SMTPServer } = require('smtp-server');
const fs = require('fs');

const [key, cert] = process.argv.slice(2, 4).map((path) => fs.readFileSync(path));
let busy = true;
const refusal = (code, text) => Object.assign(new Error(text), { responseCode: code });
const server = new SMTPServer({
  key,
  cert,
  onAuth: (auth, session, done) =>
    auth.username === 'log' && auth.password === 'secret' ? done(null, { user: 'log' }) : done(refusal(535, 'who are you')),
  onRcptTo: (address, session, done) => {
    if (address.address.startsWith('nobody@')) return done(refusal(550, 'no such mailbox'));
    if (busy) {
      busy = false;
      return done(refusal(451, 'come back later'));
    }
    done();
  },
  onData: (stream, session, done) => {
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => {
      const to = session.envelope.rcptTo.map((one) => one.address);
      console.log(JSON.stringify({ to, tls: session.secure, text: Buffer.concat(pieces).toString() }));
      done(null, 'taken');
    });
  },
});
server.listen(0, '127.0.0.1', () => console.log(server.server.address().port));
