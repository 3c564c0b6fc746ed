#!/usr/bin/env -S node --max-semi-space-size=64
/** The process: configuration in, signals, the words at the start, exit code. */
import type { StoredKeyRotation } from './app/rotate-stored-keys.ts'
import type { App } from './app.ts'
import { readConfig } from './config.ts'
import { StartError } from './errors.ts'
import { createLogger } from './log.ts'

const usage = `Usage: passgate [command]

  (no command)   runs the gateway
  rotate-keys    puts every stored secret under the first encryption key; safe to run again
  --help         shows this

Everything else is set by environment variables: HOST, PORT, DATABASE_URL, PASSGATE_ENCRYPTION_KEYS and others; the README
has the list.
`

const progressEveryMs = 1000

const stopSignals = ['SIGINT', 'SIGTERM'] as const

process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<number> {
  try {
    switch (words.join(' ')) {
      case '':
        return await serve()
      case 'rotate-keys':
        return await rotate()
      case '--help':
      case '-h':
      case 'help':
        process.stdout.write(usage)
        return 0
      default:
        process.stderr.write(
          `Passgate has no command ${JSON.stringify(words.join(' '))}; passgate --help lists them.\n`,
        )
        return 2
    }
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

async function serve(): Promise<number> {
  const stop = stopSignal()
  const { config, secrets, warnings } = readConfig(process.env)
  const log = createLogger({ level: config.logLevel })
  for (const warning of warnings) log.warn(warning)
  // Not before the configuration is known to be good: it brings everything else along.
  const { createApp } = await import('./app.ts')
  await using app = await createApp({ config, secrets, log })
  const url = await app.listen()
  log.info({ url: url.href, store: config.store }, 'listening')
  const newAdminKey = await app.createFirstAdminKey()
  process.stdout.write(
    greeting(app, url, newAdminKey, { hasPreset: secrets.adminKey !== undefined, graphiql: config.graphiql }),
  )
  await stop
  log.info('stopping')
  await app.drain()
  return 0
}

/** 0 when the first key is the only one that is needed from now on. */
async function rotate(): Promise<number> {
  const stop = new AbortController()
  void stopSignal().then(() => stop.abort())
  const { config, secrets, warnings } = readConfig(process.env)
  for (const warning of warnings) process.stderr.write(`${warning}\n`)
  let toldAt = Number.NEGATIVE_INFINITY
  const { rotateStoredKeys } = await import('./app/rotate-stored-keys.ts')
  const rotation = await rotateStoredKeys(
    { config, secrets },
    {
      signal: stop.signal,
      onProgress({ table, done, total }) {
        const isTime = done === total || performance.now() - toldAt > progressEveryMs
        if (done === 0 || !isTime) return
        toldAt = performance.now()
        process.stdout.write(`${table} ${done}/${total}\n`)
      },
      onFailure({ table, workspaceId, key, message }) {
        process.stderr.write(
          `${table} ${workspaceId} ${JSON.stringify(key.join(' '))}: ${message}; it was left alone.\n`,
        )
      },
    },
  )
  process.stdout.write(summary(rotation))
  return rotation.left.length === 0 ? 0 : 1
}

function summary({ primaryId, moved, left }: StoredKeyRotation): string {
  const lines = ['', `${moved} moved to the key ${primaryId}.`]
  if (left.length === 0) {
    lines.push(`Nothing is left under another key: the others may be removed from the list.`)
  } else {
    lines.push('Left:', `  ${'key'.padEnd(32)}  ${'table'.padEnd(20)}  rows`)
    for (const { keyId = '(not readable)', table, rows } of left) {
      const name = keyId === primaryId ? `${keyId} (old form)` : keyId
      lines.push(`  ${name.padEnd(32)}  ${table.padEnd(20)}  ${rows}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  function stop(): void {
    for (const signal of stopSignals) process.off(signal, stop)
    resolve()
  }
  for (const signal of stopSignals) process.on(signal, stop)
  return promise
}

/** The one place that prints a key: the first admin key, at the start that made it. */
function greeting(
  app: App,
  url: URL,
  newAdminKey: string | undefined,
  { hasPreset, graphiql }: { hasPreset: boolean; graphiql: boolean },
): string {
  const endpoint = new URL('graphql', url)
  const lines = ['', `  Passgate      ${endpoint}${graphiql ? '   (GraphiQL in a browser)' : ''}`]
  if (app.rootUrl !== undefined) lines.push(`  Root          ${app.rootUrl}   (a vendor’s paths at /)`)
  if (app.sandbox !== undefined) lines.push(`  Sandbox       ${app.sandbox.url}   (a vendor to try things on)`)
  if (newAdminKey !== undefined) {
    lines.push(`  Admin key     ${newAdminKey}   (shown this once; keep it)`)
  }
  if (app.sandbox !== undefined) {
    const key = newAdminKey ?? (hasPreset ? '$PASSGATE_ADMIN_KEY' : '$PASSGATE_KEY')
    const query =
      '{ passthrough(integration: \\"sandbox\\", endUserId: \\"demo\\", path: \\"/v1/contacts?limit=3\\") { status body } }'
    const quote = newAdminKey === undefined ? '"' : "'"
    lines.push(
      '',
      '  Try it:',
      '',
      `  curl ${endpoint} -H 'content-type: application/json' -H ${quote}authorization: Bearer ${key}${quote} -d '{"query":"${query}"}'`,
    )
  }
  return `${lines.join('\n')}\n\n`
}
