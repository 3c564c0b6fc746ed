/** httpbin behind gunicorn: a real upstream that answers what it is asked for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Httpbin extends AsyncDisposable {
  readonly url: string
  /** `127.0.0.1:port`, as a pin and as an egress exemption. */
  readonly host: string
}

const program = '/usr/bin/gunicorn'

export async function startHttpbin(): Promise<Httpbin> {
  if (!existsSync(program)) throw new Error('Install the Debian packages gunicorn and python3-httpbin.')
  const host = `127.0.0.1:${await findFreePort()}`
  const args = ['-b', host, '-w', '2', '-k', 'gthread', '--threads', '8', '--log-level', 'error', 'httpbin:app']
  // The system's own Python has the package; another one in the PATH may not.
  const child = spawn('/usr/bin/python3', [program, ...args], { stdio: 'ignore', cwd: '/' })
  const url = `http://${host}`
  await waitUntilReady(url, child)
  return {
    url,
    host,
    async [Symbol.asyncDispose]() {
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error('httpbin ended at its start; is python3-httpbin installed?')
    try {
      if ((await fetch(`${url}/status/204`)).status === 204) return
    } catch {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  child.kill()
  throw new Error('httpbin did not start within 10 seconds')
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
