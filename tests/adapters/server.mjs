// A started server with the demo person, and what can happen to it.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PROJECT = process.env.AFTERGLOW_PROJECT
const POSTGRES = process.env.ADAPTERS_POSTGRES  // the URL of a server's maintenance database; without it, SQLite
const STARTING_SECONDS = 60
const KEY_FILE = 'afterglow-demo-clinic.pem'

const freePort = () => new Promise(resolve => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => resolve(port))
  })
})

/** Run a command of the project's; return what it printed, or throw it if it fails. */
function run(cwd, env, ...command) {
  const { status, stdout, stderr } = spawnSync('uv', ['run', '--project', PROJECT, ...command], { cwd, env })
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stdout}${stderr}`)
  return String(stdout)
}

export class Server {
  #folder = mkdtempSync(join(tmpdir(), 'afterglow-'))
  #name = `adapters_${randomBytes(6).toString('hex')}`
  #url = POSTGRES?.replace('/postgres?', `/${this.#name}?`)
  #environment = { ...process.env, ...(POSTGRES && { AFTERGLOW_DATABASE_URL: this.#url }) }

  async start() {
    if (POSTGRES && !this.port) this.#copyDatabase('template0', this.#name)
    this.port ??= await freePort()
    this.url = `http://127.0.0.1:${this.port}`
    const command = ['afterglow', 'serve', '--demo', '--port', String(this.port), '--workers', POSTGRES ? '2' : '1']
    const place = { cwd: this.#folder, env: this.#environment }
    this.process = spawn('uv', ['run', '--project', PROJECT, ...command], place)
    let output = ''
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', data => { output += data })
    for (let tries = 0; !await fetch(`${this.url}/livez`).then(() => true, () => false); tries++) {
      if (tries > STARTING_SECONDS * 5 || this.process.exitCode !== null) throw new Error(output)
      await new Promise(resolve => setTimeout(resolve, 200))
    }
    this.email ??= /^Demo: +(.+)$/m.exec(output)[1]
    this.password ??= /^Password: +(.+)$/m.exec(output)[1]
  }

  async stop() {
    const ended = new Promise(resolve => this.process.once('exit', resolve))
    this.process.kill('SIGTERM')
    await ended
  }

  async end() {
    await this.stop()
    rmSync(this.#folder, { recursive: true })
  }

  /** Run `work` with the server stopped. */
  async #stopped(work) {
    await this.stop()
    work()
    await this.start()
  }

  backup() {
    return this.#stopped(() => this.#copy('', 'backup'))
  }

  /** Restore the backup; `isAnnounced`: the operator runs `afterglow restored`, as the README says. */
  restore({ isAnnounced }) {
    return this.#stopped(() => {
      this.#copy('backup', '')
      if (isAnnounced) run(this.#folder, this.#environment, 'afterglow', 'restored', '--yes')
    })
  }

  #copy(from, to) {
    if (POSTGRES) return this.#copyDatabase(this.#name + from, this.#name + to)
    for (const suffix of ['-wal', '-shm']) rmSync(join(this.#folder, `afterglow.db${suffix}`), { force: true })
    return cpSync(join(this.#folder, `afterglow.db${from}`), join(this.#folder, `afterglow.db${to}`))
  }

  #copyDatabase(from, to) {
    run(PROJECT, process.env, 'python', '-m', 'tests.adapters.databases', 'copy', POSTGRES, from, to)
  }

  /** Return an access token of a client of the demo's clinic. */
  clinicToken(clientId) {
    const command = ['afterglow', 'clinic', 'token', clientId, '--key', KEY_FILE, '--url', this.url]
    return run(this.#folder, this.#environment, ...command).trim()
  }

  /** Return the private key of the demo's clinic, as PEM. */
  clinicKey() {
    return readFileSync(join(this.#folder, KEY_FILE), 'utf8')
  }

  async login() {
    const body = JSON.stringify({ email: this.email, password: this.password })
    const response = await fetch(`${this.url}/v1/auth/login`, {
      method: 'POST', body, headers: { 'Content-Type': 'application/json' },
    })
    if (!response.ok) throw new Error(await response.text())
    return response.json()
  }
}

/** Another device of the person: it says exactly what a check wants. */
export class OtherDevice {
  constructor(server) {
    this.server = server
  }

  async #request(method, path, body, headers = {}) {
    this.tokens ??= await this.server.login()
    const response = await fetch(this.server.url + path, {
      method, body: body && JSON.stringify(body),
      headers: { Authorization: `Bearer ${this.tokens.access_token}`, 'Content-Type': 'application/json', ...headers },
    })
    if (response.status === 401) {
      this.tokens = null
      return this.#request(method, path, body, headers)
    }
    return response
  }

  /** Return a record, or null. */
  async get(collection, id) {
    const response = await this.#request('GET', `/v1/${collection}/${id}`)
    return response.ok ? response.json() : null
  }

  async create(collection, draft) {
    const response = await this.#request('POST', `/v1/${collection}`, draft)
    if (!response.ok) throw new Error(await response.text())
    return response.json()
  }

  /** Return a session that the clinic of the demo manages. */
  async managedSession() {
    const { items } = await (await this.#request('GET', '/v1/sessions?limit=200')).json()
    return items.find(each => each.clinic_id !== null)
  }

  /** Share collections with the clinic of the demo. */
  async share(collections) {
    const { items } = await (await this.#request('GET', '/v1/consents')).json()
    const { id } = items.find(({ status }) => status === 'active')
    const response = await this.#request('PATCH', `/v1/consents/${id}`, { shares: collections })
    if (!response.ok) throw new Error(await response.text())
  }

  async change(collection, id, patch) {
    const response = await this.#request('PATCH', `/v1/${collection}/${id}`, patch, { 'If-Match': '*' })
    if (!response.ok) throw new Error(await response.text())
  }

  async remove(collection, id) {
    await this.#request('DELETE', `/v1/${collection}/${id}`, undefined, { 'If-Match': '*' })
  }
}
