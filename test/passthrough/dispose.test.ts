/** Nothing of a call outlives it: a process ends by itself once its core is disposed, whatever the deadlines were. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const support = join(import.meta.dirname, '../support')
const script = `
  import { createUpstream } from '${support}/upstream.ts'
  import { createCore, createRawUpstream, failureOf } from '${support}/passthrough-core.ts'
  const options = { timeoutMs: 300_000 }
  await using upstream = await createUpstream()
  await using silent = await createRawUpstream()
  await using closing = await createRawUpstream(socket => void socket.destroy())
  const caller = new AbortController()
  {
    await using core = createCore({ url: upstream.url })
    await core.send({ options })
    await failureOf(core.send({ options: { ...options, maxResponseBytes: 1 } }))
  }
  {
    await using core = createCore({ url: closing.url })
    await failureOf(core.send({ options }))
  }
  const core = createCore({ url: silent.url })
  const left = failureOf(core.send({ options }, { signal: caller.signal }))
  const stopped = failureOf(core.send({ options }))
  setTimeout(() => caller.abort(), 50)
  await left
  await core[Symbol.asyncDispose]()
  console.log((await stopped).error.code)
`

test('the process ends', async () => {
  const run = promisify(execFile)(process.execPath, ['--input-type=module-typescript', '--eval', script], {
    timeout: 20_000,
  })
  expect(await run).toMatchObject({ stdout: 'UPSTREAM_UNREACHABLE\n' })
})
