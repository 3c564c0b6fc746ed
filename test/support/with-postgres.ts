/** Runs a command with a PostgreSQL server of its own: `node test/support/with-postgres.ts COMMAND [ARGUMENT…]`. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { startPostgres } from './postgres-server.ts'

const [command, ...args] = process.argv.slice(2)
if (command === undefined) throw new TypeError('with-postgres.ts takes a command to run')
const server = await startPostgres()
try {
  const keys = { PASSGATE_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}` }
  const { status } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, DATABASE_URL: server.url, ...keys },
  })
  process.exitCode = status ?? 1
} finally {
  await server.stop()
}
