/** The public HTTP cache test suite (https://cache-tests.fyi): its own server, and its own client against any base URL. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface CacheTest {
  readonly id: string
  readonly name: string
  /** `required` when absent. */
  readonly kind?: string
  readonly depends_on?: readonly string[]
  readonly browser_only?: boolean
}

/** True, or what went wrong as a kind and a sentence. */
export type CacheResults = Readonly<Record<string, true | readonly [kind: string, message: string]>>

export interface CacheSuite extends AsyncDisposable {
  /** `127.0.0.1:port` of its server. */
  readonly host: string
  readonly tests: readonly CacheTest[]
  /** Half a minute or so. */
  run(baseUrl: string): Promise<CacheResults>
}

const suite = join(import.meta.dirname, '../vendors/node_modules/http-cache-tests')

export async function startCacheSuite(): Promise<CacheSuite> {
  const port = await findFreePort()
  const host = `127.0.0.1:${port}`
  const server = start('server/server.mjs', {
    npm_config_protocol: 'http',
    npm_config_port: String(port),
    npm_config_pidfile: join(tmpdir(), `cache-suite-${port}.pid`),
  })
  await waitUntilReady(`http://${host}/`)
  const { default: groups }: { default: { tests: CacheTest[] }[] } = await import(
    pathToFileURL(join(suite, 'tests/index.mjs')).href
  )
  return {
    host,
    tests: groups.flatMap(({ tests }) => tests),
    run,
    async [Symbol.asyncDispose]() {
      const ended = new Promise(resolve => server.once('exit', resolve))
      server.kill('SIGKILL')
      await ended
    },
  }
}

async function run(baseUrl: string): Promise<CacheResults> {
  // An empty id means all of them.
  const client = start('cli.mjs', { npm_config_base: baseUrl, npm_config_id: '', npm_package_config_id: '' })
  const chunks: Buffer[] = []
  client.stdout?.on('data', chunk => chunks.push(chunk))
  await new Promise(resolve => client.once('close', resolve))
  return JSON.parse(Buffer.concat(chunks).toString())
}

function start(script: string, env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ['--no-warnings', script], {
    cwd: suite,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

async function waitUntilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      await fetch(url)
      return
    } catch {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  throw new Error('the server of the cache suite did not start within 10 seconds')
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
