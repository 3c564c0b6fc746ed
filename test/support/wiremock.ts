/** WireMock: a real server that misbehaves as it is told, plain and over TLS, and keeps a journal of all it was asked. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export interface JournalEntry {
  readonly method: string
  /** Path and query as they came. */
  readonly url: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** By the server's own clock. */
  readonly receivedAtMs: number
}

export interface WireMock extends AsyncDisposable {
  readonly url: string
  /** `127.0.0.1:port`, as a pin and as an egress exemption. */
  readonly host: string
  /** Its certificate is signed by itself and names no host. */
  readonly secureUrl: string
  readonly secureHost: string
  /** https://wiremock.org/docs/stubbing */
  addStub(mapping: object): Promise<void>
  /** Every request, oldest first; one is in it from the moment it came in. */
  readJournal(): Promise<readonly JournalEntry[]>
}

const program = join(import.meta.dirname, '../vendors/node_modules/wiremock/build')
/** It starts sooner, and stays small, without the optimising compiler and with the simplest collector. */
const runtimeOptions = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx128m']
const startLimitMs = 60_000

export async function startWireMock(): Promise<WireMock> {
  await using stack = new AsyncDisposableStack()
  const jar = (await readdir(program).catch(() => [])).find(name => name.endsWith('.jar'))
  if (jar === undefined) throw new Error('The package wiremock has no jar; run `npm test` to install it.')
  const folder = await mkdtemp(join(tmpdir(), 'passgate-wiremock-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const listen = ['--bind-address', '127.0.0.1', '--port', '0', '--https-port', '0']
  const args = [...runtimeOptions, '-jar', join(program, jar), ...listen, '--root-dir', folder, '--disable-banner']
  const child = spawn('java', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  stack.defer(async () => {
    // Whatever it still delays is nobody's any more.
    child.kill('SIGKILL')
    await ended.catch(() => {})
  })
  const { port, securePort } = await readPorts(child.stdout, child.stderr, ended)
  const url = `http://127.0.0.1:${port}`
  const owned = stack.move()
  return {
    url,
    host: `127.0.0.1:${port}`,
    secureUrl: `https://127.0.0.1:${securePort}`,
    secureHost: `127.0.0.1:${securePort}`,
    async addStub(mapping) {
      const response = await fetch(`${url}/__admin/mappings`, { method: 'POST', body: JSON.stringify(mapping) })
      if (response.status !== 201) throw new Error(`WireMock takes no such stub: ${await response.text()}`)
    },
    async readJournal() {
      const response = await fetch(`${url}/__admin/requests`)
      return readEntries((await response.json()) as Journal)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Journal {
  readonly requests: readonly {
    readonly request: {
      readonly method: string
      readonly url: string
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
      readonly loggedDate: number
    }
  }[]
}

function readEntries({ requests }: Journal): JournalEntry[] {
  return requests
    .map(({ request: { method, url, headers, body, loggedDate } }) => ({
      method,
      url,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
      body,
      receivedAtMs: loggedDate,
    }))
    .toReversed()
}

/** Reads to the end, or the pipes fill and the server stands still. */
async function readPorts(
  output: Readable,
  errors: Readable,
  ended: Promise<unknown>,
): Promise<{ port: string; securePort: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ port: string; securePort: string }>()
  const said: string[] = []
  let port: string | undefined
  createInterface(errors).on('line', line => said.push(line))
  createInterface(output).on('line', line => {
    const [, name, value = ''] = /^(port|https-port):\s+(\d+)$/.exec(line) ?? []
    if (name === 'port') port = value
    if (name === 'https-port' && port !== undefined) resolve({ port, securePort: value })
  })
  const timer = setTimeout(() => reject(new Error('WireMock did not start within a minute.')), startLimitMs)
  ended.then(
    () => reject(new Error(`WireMock ended at its start: ${said.join(' ')}`)),
    cause => reject(new Error('Install the Debian package default-jre-headless.', { cause })),
  )
  return await promise.finally(() => clearTimeout(timer))
}
