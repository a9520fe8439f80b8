// A whole Ringfence on this machine, with VMs: what the pages are tried against.
import {execFile, spawn} from 'node:child_process'
import {createHash} from 'node:crypto'
import {appendFile, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {promisify} from 'node:util'

import {Issuer} from './issuer.mjs'

const run = promisify(execFile)

export const origin = 'http://127.0.0.1:8080'

/** until asks again and again until the answer is true, and says what was waited for if it never is. */
export async function until(what, ask, seconds = 90) {
  for (const end = Date.now() + seconds * 1000; ; await sleep(50)) {
    try {
      const answer = await ask()
      if (answer) return answer
    } catch (error) {
      if (Date.now() > end) throw new Error(`waited in vain for ${what}: ${error.message}`)
    }
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
  }
}

export class World {
  static async start() {
    const w = new World()
    w.dir = await mkdtemp(join(tmpdir(), 'rf-ui')) // short: unix sockets have 107 bytes of path
    w.log = ''
    w.issuer = await Issuer.start()
    w.processes = []
    w.begin()
    await w.there()
    return w
  }

  /** begin starts the program. */
  begin() {
    const w = this
    w.dev = spawn(process.env.RINGFENCE, [
      'dev', '--state-dir', w.dir, '--host', 'h1', '--listen', '127.0.0.1:8080',
      '--oidc-issuer', w.issuer.url, '--oidc-client-id', w.issuer.client, '--oidc-console-url', `${origin}/ui/`, '--oidc-skew', '0s',
      '--oidc-grant', 'groups=net-admins:*/admin', '--oidc-grant', 'groups=tenants:{tenant}/member',
    ])
    for (const out of [w.dev.stdout, w.dev.stderr]) out.on('data', (b) => (w.log += b))
    w.ended = new Promise((done) => w.dev.once('exit', done))
  }

  /** there waits until it serves, with its switch. */
  async there() {
    await until('ringfence dev', async () => {
      if (this.dev.exitCode !== null) throw new Error(this.log)
      this.token = (await readFile(join(this.dir, 'admin.token'), 'utf8')).trim()
      return (await this.api('GET', '/v1/hosts')).items.some((h) => h.alive && h.connected)
    })
  }

  /** kill ends the program in the middle of everything. */
  async kill() {
    this.dev.kill('SIGKILL')
    await this.ended
  }

  /** revive starts it again with what it had. */
  async revive() {
    this.begin()
    await this.there()
  }

  async stop() {
    for (const p of this.processes) p.kill('SIGKILL')
    this.dev.kill('SIGTERM')
    await this.ended
    await this.issuer.stop()
    await rm(this.dir, {recursive: true, force: true})
  }

  /** api asks the API itself, as the admin, and wants it to be well. */
  async api(method, path, body) {
    const answer = await fetch(origin + path, {
      method,
      headers: {Authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : {'Content-Type': 'application/json'})},
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text ? JSON.parse(text) : null
  }

  /** grant makes a token of an account; revoke takes it away. Both are in force when they return. */
  async grant(token, account, role, name) {
    const file = join(this.dir, 'tokens.json')
    const line = {token_sha256: createHash('sha256').update(token).digest('hex'), account, role, name}
    await appendFile(file, JSON.stringify(line) + '\n')
    await until(`token ${name}`, async () => (await this.whoami(token)) === 200)
  }

  async revoke(token) {
    const file = join(this.dir, 'tokens.json')
    const hash = createHash('sha256').update(token).digest('hex')
    const kept = (await readFile(file, 'utf8')).split('\n').filter((line) => !line.includes(hash))
    await writeFile(file, kept.join('\n'))
    await until('the token to be revoked', async () => (await this.whoami(token)) === 401)
  }

  async whoami(token) {
    return (await fetch(`${origin}/v1/whoami`, {headers: {Authorization: `Bearer ${token}`}})).status
  }

  /** vm makes a NIC in the policy and a namespace with it, plugged into br-int. */
  async vm(account, name, mac, address) {
    await this.api('PUT', `/v1/nics/${name}`, {account, network: 'net-1', mac, addresses: [address]})
    for (const command of [
      ['ip', 'netns', 'add', name],
      ['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name],
      // The userspace datapath does not fill in checksums that a sender left out.
      ['ethtool', '-K', name, 'tx', 'off'],
      ['ip', 'netns', 'exec', name, 'ethtool', '-K', 'eth0', 'tx', 'off'],
      ['ip', '-n', name, 'link', 'set', 'eth0', 'address', mac, 'up'],
      ['ip', '-n', name, 'link', 'set', 'lo', 'up'],
      ['ip', '-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0'],
      ['ip', 'link', 'set', name, 'up'],
      ['ovs-vsctl', `--db=unix:${this.dir}/ovs/run/db.sock`, 'add-port', 'br-int', name, '--', 'set', 'Interface', name, `external_ids:iface-id=${name}`],
    ]) {
      await run(command[0], command.slice(1))
    }
    await until(`NIC ${name} to be ready`, async () => (await this.api('GET', `/v1/nics/${name}`)).ready)
  }

  /** run has a VM run a program until the end. */
  run(name, ...command) {
    this.processes.push(spawn('ip', ['netns', 'exec', name, ...command], {stdio: 'ignore'}))
  }

  /** listen has a VM answer at a TCP port, with its name. */
  listen(name, port) {
    this.processes.push(spawn('ip', ['netns', 'exec', name, 'busybox', 'nc', '-ll', '-p', String(port), '-e', 'echo', `I am ${name}`]))
  }

  /** connects reports whether a VM is answered at a TCP port of an address. */
  async connects(name, address, port) {
    try {
      const {stdout} = await run('ip', ['netns', 'exec', name, 'busybox', 'nc', '-w', '1', address, String(port)], {timeout: 5000})
      return stdout.includes('I am')
    } catch {
      return false
    }
  }
}
