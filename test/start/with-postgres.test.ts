/** A command with a PostgreSQL server of its own runs as long as it likes, ends as it ends, and is told what its caller is told. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const script = join(import.meta.dirname, '..', 'support', 'with-postgres.ts')

function start(program: string): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [script, process.execPath, '--input-type=module', '-e', program], {
    cwd: join(import.meta.dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout?.on('data', chunk => {
    output += chunk
  })
  return { child, output: () => output }
}

test('whatever the server logs, statements are answered, and the exit code is the command’s', {
  timeout: 120_000,
}, async () => {
  // Each failure is a line or two of the server's log: more than any pipe holds.
  const { child, output } = start(`
    import postgres from 'postgres'
    const client = postgres(process.env.DATABASE_URL, { max: 1, onnotice() {} })
    let failed = 0
    for (let n = 0; n < 300; n += 1) await client.unsafe("select '" + 'x'.repeat(2000) + "' from nothing").catch(() => (failed += 1))
    await client.end()
    console.log(failed)
    process.exitCode = 7
  `)
  const [code] = await once(child, 'exit')
  expect([code, output()]).toEqual([7, '300\n'])
})

test('a signal goes on to the command', { timeout: 120_000 }, async () => {
  const { child } = start(`
    process.on('SIGTERM', () => process.exit(9))
    console.log('ready')
    setInterval(() => {}, 1000)
  `)
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.kill('SIGTERM')
  expect((await once(child, 'exit'))[0]).toBe(9)
})

test('one that a signal ends is told as a shell tells it', { timeout: 120_000 }, async () => {
  const { child } = start("process.kill(process.pid, 'SIGKILL')")
  expect((await once(child, 'exit'))[0]).toBe(137)
})
