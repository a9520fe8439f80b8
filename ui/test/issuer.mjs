// An OpenID Connect issuer for the console's tests, on loopback: discovery, a
// key, and whoever comes is signed in at once as the person that the test says,
// by authorization code with PKCE.
import {createHash, generateKeyPairSync, randomBytes, sign} from 'node:crypto'
import {createServer} from 'node:http'

const b64 = (v) => Buffer.from(typeof v === 'string' ? v : JSON.stringify(v)).toString('base64url')

export class Issuer {
  url = 'http://127.0.0.1:9998'
  client = 'console'
  /** Claims of the next ID token; null: who comes is refused. */
  person = null
  codes = new Map()

  static async start() {
    const i = new Issuer()
    i.key = generateKeyPairSync('rsa', {modulusLength: 2048})
    i.server = createServer((request, answer) => i.answer(request, answer))
    await new Promise((done) => i.server.listen(9998, '127.0.0.1', done))
    return i
  }

  stop() {
    this.server.closeAllConnections()
    return new Promise((done) => this.server.close(done))
  }

  token(claims) {
    const now = Math.floor(Date.now() / 1000)
    const text = `${b64({alg: 'RS256', kid: 'k1', typ: 'JWT'})}.${b64({iss: this.url, aud: this.client, iat: now, exp: now + 300, ...claims})}`
    return `${text}.${sign('sha256', Buffer.from(text), this.key.privateKey).toString('base64url')}`
  }

  async answer(request, answer) {
    const url = new URL(request.url, this.url)
    const json = (v, status = 200) => answer.writeHead(status, {'Content-Type': 'application/json'}).end(JSON.stringify(v))
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json({
          issuer: this.url, jwks_uri: `${this.url}/keys`, authorization_endpoint: `${this.url}/authorize`, token_endpoint: `${this.url}/token`,
          end_session_endpoint: `${this.url}/end`,
        })
      case '/keys':
        return json({keys: [{...this.key.publicKey.export({format: 'jwk'}), kid: 'k1', alg: 'RS256', use: 'sig'}]})
      case '/authorize': {
        const q = url.searchParams
        const back = new URL(q.get('redirect_uri'))
        if (q.get('code_challenge_method') !== 'S256' || q.get('response_type') !== 'code' || !q.get('nonce')) return json({error: 'invalid_request'}, 400)
        back.searchParams.set('state', q.get('state'))
        if (this.person) {
          const code = randomBytes(16).toString('hex')
          this.codes.set(code, {challenge: q.get('code_challenge'), nonce: q.get('nonce')})
          back.searchParams.set('code', code)
        } else back.searchParams.set('error', 'access_denied')
        return answer.writeHead(302, {Location: back.href}).end()
      }
      case '/token': {
        let body = ''
        for await (const part of request) body += part
        const q = new URLSearchParams(body)
        const attempt = this.codes.get(q.get('code'))
        this.codes.delete(q.get('code'))
        if (!attempt || createHash('sha256').update(q.get('code_verifier')).digest('base64url') !== attempt.challenge) return json({error: 'invalid_grant'}, 400)
        return json({access_token: 'opaque', token_type: 'Bearer', id_token: this.token({nonce: attempt.nonce, ...this.person})})
      }
      default:
        return answer.writeHead(404).end()
    }
  }
}
