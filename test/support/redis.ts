/** A Redis of its own on a free loopback port, with nothing on disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'

export interface TestRedis extends AsyncDisposable {
  readonly url: string
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>
}

const program = '/usr/bin/redis-server'

export async function startRedis(): Promise<TestRedis> {
  if (!existsSync(program)) throw new Error('Install the Debian package redis-server.')
  const port = await findFreePort()
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  const child = spawn(program, args, { stdio: 'ignore' })
  await waitUntilReady(port, child)
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  return { url: `redis://127.0.0.1:${port}`, kill, [Symbol.asyncDispose]: kill }
}

async function waitUntilReady(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error('redis-server ended at its start')
    const isOpen = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await new Promise(resolve => setTimeout(resolve, 25))
  }
  child.kill()
  throw new Error('redis-server did not start within 5 seconds')
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
