/** Runs a command with a PostgreSQL server of its own: `node test/support/with-postgres.ts COMMAND [ARGUMENT…]`. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { constants } from 'node:os'
import { startPostgres } from './postgres-server.ts'

const [command, ...args] = process.argv.slice(2)
if (command === undefined) throw new TypeError('with-postgres.ts takes a command to run')
const server = await startPostgres()
try {
  process.exitCode = await run(command, args)
} finally {
  await server.stop()
}

/** Meanwhile the event loop goes on: it reads what the server logs, which would wait for ever once its pipe is full. */
async function run(program: string, given: readonly string[]): Promise<number> {
  const keys = { PASSGATE_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}` }
  const env = { ...process.env, DATABASE_URL: server.url, ...keys }
  const child = spawn(program, given, { stdio: 'inherit', env })
  const pass = (signal: NodeJS.Signals) => void child.kill(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, pass)
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    // As a shell says of a command that a signal ended.
    return code ?? 128 + constants.signals[signal ?? 'SIGKILL']
  } finally {
    for (const signal of signals) process.off(signal, pass)
  }
}
